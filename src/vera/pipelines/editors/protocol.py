"""What an editor is: a clip and an instruction in, the same frames edited out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from vera.arrays import Frames
from vera.choices import Sampler

Drawn = NDArray[Any]  # RGB [T,H,W,3], uint8 or float in [0,1]
Mask = NDArray[np.bool_]  # [T,H,W], True on what must stay


@dataclass(frozen=True)
class ClipWindow:
    """A window of a clip as the model sees it.

    Args:
        frames: the source, RGB `[T,H,W,3]` uint8, at a size that the editor's strides allow.
        rate: of these frames, a second.
        known: edits of the first K frames, `[K,H,W,3]` uint8, from the window before; empty in the first.
    """

    frames: Frames
    rate: float
    known: Frames

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.frames.shape[2], self.frames.shape[1]


@dataclass(frozen=True)
class Settings:
    """How an edit is sampled: None is the editor's own. `on_step` is called with (step, steps) of one window."""

    steps: int | None = None
    guidance: float | None = None
    sampler: Sampler | None = None
    on_step: Callable[[int, int], None] | None = None


@dataclass(frozen=True)
class Traits:
    """What an editor works at, and what it takes.

    Args:
        strides: of which width and height are multiples.
        pixels: of a frame, at which the model was trained.
        window, overlap: frames that it edits together, and those that neighbouring windows of a long clip share.
        step: windows are `1 + k * step` frames long.
        rate: frames a second that it was trained on; None where time means nothing to it.
        steps, guidance: of the sampling, where nobody says.
        text: what it reads: an `instruction` ("add a red balloon"), or the `description` of the finished picture.
        masked: whether it sees a mask. Layers spare what a mask keeps in any case.
        continues: whether it takes `ClipWindow.known` up, so that windows agree on what they draw.
        whole: whether it draws all of what it sees anew, or, if it is `masked`, all that its mask leaves open.
        still: whether it edits single pictures: one frame is edited, its layer is carried along.
    """

    strides: tuple[int, int]
    pixels: int
    window: int
    overlap: int
    step: int
    rate: float | None
    steps: int
    guidance: float
    text: Literal["instruction", "description"] = "instruction"
    masked: bool = False
    continues: bool = False
    whole: bool = False
    still: bool = False


class Editor(Protocol):
    """Anything that edits frames."""

    @property
    def traits(self) -> Traits:
        """What it works at, and what it takes."""

    def check_text(self, instruction: str) -> None:
        """Raise VeraError for an instruction that it cannot read whole."""

    def edit(self, clip: ClipWindow, instruction: str, mask: Mask | None, seed: int, settings: Settings) -> Drawn:
        """Edit the frames of `clip` to as many of the same size; `mask` is True on what must stay."""

    def record(self) -> dict[str, Any]:
        """Say in JSON values what the manifest tells of it."""
