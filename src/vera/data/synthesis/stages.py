"""How long and how large the clips of a training step are, which a curriculum changes from stage to stage."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from vera.errors import VeraError
from vera.fields import Range, check_value

Over = Literal["scene", "white", "middle"]
Key = tuple[int, int, int, int, Over]  # index, frames, width and height of a sample, and what it shows things over
FrameCount = Annotated[int, Range(1, 1025)]
SIDES = (16, 8192)  # pixels


@dataclass(frozen=True)
class Stage:
    """Until batch `until` (None: to the end; a training step takes `accumulate` batches) clips of `frames` (1 + 4k:
    weight) frames are drawn, of `sizes` (`WxH`).

    `over` is a weight for each of what clips show objects over: `scene`, `white`, or white in the `middle` of it.
    """

    frames: dict[FrameCount, Annotated[float, Range(0, 1e6)]]
    until: Annotated[int, Range(1, 1 << 40)] | None = None
    sizes: Annotated[tuple[str, ...], Range(1, 1000)] | None = None
    over: dict[Over, Annotated[float, Range(0, 1e6)]] = field(default_factory=lambda: {"scene": 1.0})


def read_stages(stages: Sequence[Mapping[str, Any]]) -> list[Stage]:
    """Read `{until: batch, frames: {count: weight}, sizes: [WxH]}` in order; VeraError for what cannot be drawn by."""
    read: list[Stage] = [check_value(Stage, stage, f"data: stages: {index}") for index, stage in enumerate(stages)]
    ends = [stage.until for stage in read]
    if not ends or ends[-1] is not None or None in ends[:-1] or ends[:-1] != sorted(end for end in ends[:-1] if end):
        raise VeraError("data: stages is a list in the order of its `until`, and the last one's is null")
    for stage in read:
        if not any(stage.frames.values()) or any((count - 1) % 4 for count in stage.frames):
            raise VeraError(f"data: stages: frames is a weight above 0 for lengths of 1 + 4k, not {dict(stage.frames)}")
        if not any(stage.over.values()):
            raise VeraError("data: stages: over has no weight above 0")
        read_sizes(stage.sizes or ())
    return read


def read_sizes(texts: Sequence[str]) -> list[tuple[int, int]]:
    """Width and height of each `WxH`; VeraError for another text."""
    sizes = []
    for text in texts:
        found = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
        size = (int(found[1]), int(found[2])) if found else (0, 0)
        if not all(SIDES[0] <= side <= SIDES[1] for side in size):
            raise VeraError(
                f"data: a size is WxH, such as 256x144, of sides from {SIDES[0]} to {SIDES[1]}, not {text!a:.40}"
            )
        sizes.append(size)
    return sizes


def clip_count(batch_size: int, frames: int) -> int:
    """How many clips of `1 + 4k` frames a batch has: `batch_size` counts latent frames, so that steps cost the same."""
    return max(1, batch_size // (1 + (frames - 1) // 4))
