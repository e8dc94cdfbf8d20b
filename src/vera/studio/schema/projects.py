"""Projects: a clip, its layers, and what was made of them."""

from typing import Annotated, Any, Literal

from pydantic import Field

from vera.choices import MasterKind
from vera.studio.schema.adjustment import Layer
from vera.studio.schema.base import Body, Id, Name, Time
from vera.studio.schema.clips import Inside

View = Literal["source", "edit", "alpha", "result", "difference"]
Layers = Annotated[list[Layer], Field(max_length=64, description="The lowest first.")]


class Display(Body):
    """What shows the clip in BT.709, to people and to models: a LUT of the project, or a colour space of OpenColorIO.

    Of both null its tags say it, which is right for all but log footage.
    """

    lut: Id | None = None
    ocio: Annotated[Name, Field(description="See `GET /colorspaces`.")] | None = None


class NewLut(Body):
    """A .cube file that was uploaded."""

    upload: Id


class Lut(Body):
    """A LUT of a project."""

    lut: Id
    name: str


class NewProject(Body):
    """A project over a clip that is open."""

    clip: Id
    name: Name | None = None


class OpenProject(Body):
    """A layer folder or a project file below a root, whose clip lies beside the layers."""

    root: Id
    inside: Inside


class ChangedProject(Body):
    """What to change of a project; what is null stays."""

    name: Name | None = None
    layers: Layers | None = None
    strict_chroma: bool | None = None
    display: Display | None = None


class Project(Body):
    """A project; width and height are those of the result, upright.

    `laid`: the results and exports of its layers as they are now, finished or not.
    """

    id: Id
    name: str
    clip: Id
    layers: list[Layer]
    strict_chroma: bool
    display: Display
    width: int
    height: int
    takes: list[Id]
    laid: list[Id]
    updated: Time


class DamagedProject(Body):
    """A project that cannot be read, with the reason: its files, or its clip's, are damaged or gone."""

    id: Id
    name: str
    damaged: str
    updated: Time


class DeletedProject(Body):
    """A project in the bin, with the bytes of its files."""

    id: Id
    name: str
    updated: Time
    bytes: int


class Freed(Body):
    """How many projects were deleted for good, and how many bytes that made free."""

    deleted: int
    bytes: int


class NewResult(Body):
    """How to write the result: see `GET /masters`."""

    master: MasterKind = "exact"
    codec: Annotated[str, Field(pattern="^[a-z0-9-]{1,32}$")] | None = None
    suffix: Literal[".mp4", ".mov", ".mkv"] | None = Field(None, description="The source's own kind of file if null.")


class NewExport(Body):
    """What to export the layers for: see `GET /targets`."""

    target: Annotated[str, Field(pattern="^[a-z0-9]{1,32}$")]
    start_frame: Annotated[int, Field(ge=0, le=999_999_999)] | None = None
    light: Literal["linear", "display"] = "linear"
    still: Annotated[int, Field(ge=0, le=999_999_999)] | None = None


class NewVerification(Body):
    """Which file of the project to hold against the source; the newest result if null."""

    file: Id | None = None


class File(Body):
    """A result or an export that is whole. An export of many files comes as one zip."""

    id: Id
    name: str
    kind: Literal["result", "export"]
    bytes: int
    created: Time
    url: str
    about: dict[str, Any]


class Samples(Body):
    """Code values at a pixel of the upright source, a number for each component (Y, Cb, Cr or R, G, B, and alpha)."""

    x: int
    y: int
    names: list[str]
    source: list[float]
    result: list[float]
    edit: list[float] | None = Field(description="R'G'B' of the edit in [0,1]; null where there is no layer.")
    alpha: float
