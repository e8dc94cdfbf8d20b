"""The layered edit: what is new (edit layer), how much of it covers the source (alpha), and which frames it is for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from vera.layers.adjust import NEUTRAL, Adjustment, adjust_colors, adjust_layer
from vera.layers.layer_frame import LayerFrame
from vera.layers.refine.finish import PLAIN, Finish, finish_layer
from vera.video import Clip, LosslessClip, model_view


@dataclass(frozen=True)
class LayeredEdit:
    """An edit as layers, at any size; it is fitted to the source frame by frame.

    The layers are arrays, or clips on disk (`load_layers`) of which one frame at a time is in memory.

    Args:
        edit: straight RGB `[T,H,W,3]`, uint8 or uint16, upright.
        alpha: `[T,H,W]` uint16; 65535 is full coverage, 0 leaves the source untouched.
        pts: the source frame that each layer frame belongs to, in units of `time_base`, rising.
        metadata: how the edit was made (instruction, seed, model, versions, source); plain JSON values.
        adjustment: what is done to it when it is laid; the files hold the layers without.
        finish: how it is brought to the source's size; the manifest's `refine`.
    """

    edit: NDArray[Any] | LosslessClip
    alpha: NDArray[np.uint16] | LosslessClip
    pts: tuple[int, ...]
    time_base: Fraction
    metadata: Mapping[str, Any] = field(default_factory=dict)
    adjustment: Adjustment = NEUTRAL
    finish: Finish = PLAIN

    def __post_init__(self) -> None:
        if self.edit.shape != (*self.alpha.shape, 3) or len(self.pts) != len(self.alpha):
            raise ValueError(f"edit {self.edit.shape}, alpha {self.alpha.shape} and {len(self.pts)} times do not match")
        if self.edit.dtype not in (np.uint8, np.uint16) or self.alpha.dtype != np.uint16:
            raise TypeError(f"edit is uint8 or uint16 and alpha uint16, not {self.edit.dtype} and {self.alpha.dtype}")

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the layers."""
        return self.alpha.shape[2], self.alpha.shape[1]

    def frame(
        self, index: int, size: tuple[int, int], plate: NDArray[Any] | None = None, position: int = 0
    ) -> LayerFrame:
        """Bring layer frame `index` to `size` (width, height), finished and adjusted.

        `plate` is the source's frame at that size, upright R'G'B' uint8 or uint16; without it, what needs it
        is left out. `position` is that frame's number in the source, for what is painted in a range of frames.
        """
        layer = LayerFrame(adjust_colors(self.edit[index], self.adjustment), self.alpha[index])
        return adjust_layer(finish_layer(layer, size, self.finish, plate, index), self.adjustment, position)

    def coded_frame(self, index: int, clip: Clip, source: av.VideoFrame | None = None) -> LayerFrame:
        """Bring a layer frame, as `frame` does, to size and orientation of the clip's coded pictures, perhaps rotated.

        `source` is the clip's own frame; without it, what needs the plate is left out.
        """
        plate = None
        if source is not None and self.finish.needs_plate:
            plate = model_view(source, *clip.display_size, clip.orientation)
        time = self.pts[index] if source is None or source.pts is None else source.pts
        position = clip.position(time)
        return LayerFrame(*map(clip.orientation.stored, self.frame(index, clip.display_size, plate, position)))
