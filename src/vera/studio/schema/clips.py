"""Clips, and the folders that they are opened from."""

from typing import Annotated, Literal

from pydantic import Field

from vera.studio.schema.base import Body, Id, Name

Inside = Annotated[
    str, Field(max_length=4096, description="Path of folders below the root, with /; empty for the root itself.")
]


class OpenClip(Body):
    """Which clip to open: a file or image sequence below a root, an upload, or the demo clip; exactly one of them."""

    root: Id | None = None
    inside: Inside | None = None
    upload: Id | None = None
    demo: bool = False
    rate: Annotated[str, Field(max_length=100)] | None = Field(
        None, description="Pictures a second of an image sequence, such as 25 or 24000/1001; 24 if null."
    )


class Entry(Body):
    """What lies in a folder below a root."""

    name: str
    kind: Literal["folder", "clip", "sequence", "layers", "project"]
    inside: str
    bytes: int | None = None


class Entries(Body):
    """A folder below a root: what of it the studio can open. `more`: how many entries were left out."""

    root: Id
    inside: str
    entries: list[Entry]
    more: int


class Proxy(Body):
    """The clip's small stand-in for the viewer, one frame for each source frame."""

    state: Literal["queued", "running", "ready", "failed"]
    width: int
    height: int
    frames: int
    job: str | None = None
    error: str | None = None


class ClipMedia(Body):
    """Where the proxy's files are; null until it is ready."""

    proxy: str
    small: str | None = Field(description="The proxy at half the size; null where there is none.")
    thumbnails: str
    thumbnail_count: int
    peaks: str | None = Field(description="Null for a clip without sound.")


class Clip(Body):
    """A clip that was opened. Width and height are upright; `times` in seconds, from the first frame's."""

    id: Id
    name: str
    width: int
    height: int
    pixel_aspect: float
    frames: int
    times: list[float]
    rate: float
    duration: float
    pix_fmt: str
    depth: int
    color: str
    audio: str | None
    proxy: Proxy
    media: ClipMedia | None
    notes: list[str]


class Peaks(Body):
    """The highest absolute sample of the sound in even parts of the clip, 255 is full scale."""

    peaks: list[Annotated[int, Field(ge=0, le=255)]]


class Root(Body):
    """A folder that was named when the studio was started."""

    id: Id
    name: Name
