"""What this studio is: its version, folders, models, limits; ways to master and to export."""

from typing import Literal

from vera.choices import MasterKind
from vera.studio.schema.base import Body, Id
from vera.studio.schema.clips import Root


class Model(Body):
    """A model that takes can be made with. Steps and guidance are its own defaults, null where nobody knows.

    `student`: the LoRA that it takes by default, with these steps; `quality` does without.
    """

    name: str
    title: str
    steps: int | None
    guidance: float | None
    quality: bool
    student: str | None


class LoraChoice(Body):
    """A LoRA that takes can be made with; `title` is its name without its folder."""

    name: str
    title: str


class Limits(Body):
    """The most that the server takes."""

    upload_bytes: int
    json_bytes: int
    mask_bytes: int
    instruction: int
    side: int
    layers: int
    strokes: int
    points: int
    seeds: int


class Opened(Body):
    """What was named on the command line."""

    clip: Id | None = None
    project: Id | None = None


class About(Body):
    """This studio."""

    version: str
    roots: list[Root]
    models: list[Model]
    loras: list[LoraChoice]
    limits: Limits
    open: Opened
    demo: bool


class MasterCodec(Body):
    """A way to encode, and the suffixes of files that hold it; the first is the default."""

    name: str
    suffixes: list[str]


class Master(Body):
    """A tier of masters and what it promises."""

    name: MasterKind
    title: str
    promise: str
    codecs: list[MasterCodec]


class Target(Body):
    """A program or format to export for; `steps` are what its README says."""

    name: str
    title: str
    alpha: Literal["straight", "premultiplied"]
    steps: str
