"""Takes: what to generate, and what came of it."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from vera.studio.schema.base import LONGEST_INSTRUCTION, Body, Count, Id, Name, Position, Side, Time

Seed = Annotated[int, Field(ge=0, le=2**53 - 1)]  # what JavaScript's numbers hold
State = Literal["queued", "running", "done", "failed", "cancelled"]


def _is_text(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("holds half a character; type it again") from None
    if not text.strip():
        raise ValueError("is empty: say what to add or replace")
    return text


Instruction = Annotated[str, Field(min_length=1, max_length=LONGEST_INSTRUCTION), AfterValidator(_is_text)]
Corner = Annotated[int, Field(ge=0, lt=16384)]


class Lora(Body):
    """A LoRA of this studio, and how strongly it is applied: 1 as it was trained."""

    name: Name
    scale: Annotated[float, Field(ge=-100, le=100)] = 1


class NewTakes(Body):
    """What to generate: a take, and a job, for each seed. What is null is the model's own."""

    instruction: Instruction
    seeds: Annotated[list[Seed], Field(min_length=1, max_length=16)]
    model: Name | None = None
    quality: bool = False
    lora: Annotated[list[Lora], Field(max_length=8, default_factory=list)]
    steps: Annotated[int, Field(ge=1, le=200)] | None = None
    guidance: Annotated[float, Field(ge=0, le=100)] | None = None
    mask: Id | None = None
    region: tuple[Corner, Corner, Side, Side] | None = Field(
        None, description="X, Y, width, height in whole pixels of the upright source."
    )
    start: Position | None = Field(None, description="First source frame; the clip's first if null.")
    frames: Count | None = Field(None, description="How many frames; all from there if null.")


class Layerize(Body):
    """Whose edit of the clip to recover layers from: a clip that is open, or an upload; exactly one of them."""

    clip: Id | None = None
    upload: Id | None = None


class Bring(Body):
    """A layer folder to bring in: one below a root, or uploads of its files; exactly one of them."""

    root: Id | None = None
    inside: Annotated[str, Field(max_length=4096)] | None = None
    uploads: Annotated[list[Id], Field(max_length=8, default_factory=list)]


class Kept(Body):
    """A take that stays in the bin, and why."""

    take: Id
    why: str


class Emptied(Body):
    """What became of a bin: how many takes were deleted, what room that made in bytes, and which were kept."""

    deleted: int
    bytes: int
    kept: list[Kept]


class Mask(Body):
    """A mask that was uploaded: a PNG of the source's size, white on what must stay."""

    mask: Id


class SmallMedia(Body):
    """Where the proxies of half the size are."""

    edit: str
    alpha: str


class TakeMedia(Body):
    """Where the proxies are; `{n}` in `still` is a layer frame. `small` is null where there are none."""

    edit: str
    alpha: str
    small: SmallMedia | None
    still: str


class Take(Body):
    """One generated or recovered layer. `frames` names the source frame of each layer frame, rising."""

    id: Id
    project: Id
    kind: Literal["edit", "layerize", "brought"]
    job: str | None
    state: State
    error: str | None
    instruction: str
    seed: int | None
    model: str | None
    settings: dict[str, Any]
    first: int
    count: int
    frames: list[int] | None = Field(description="Null until the take is done.")
    width: int | None
    height: int | None
    previews: int = Field(description="Number of the last step with previews, 0 for none.")
    media: TakeMedia | None = Field(description="Null until the take is done and its proxies are ready.")
    manifest: str | None
    notices: list[str]
    created: Time
    binned: bool
