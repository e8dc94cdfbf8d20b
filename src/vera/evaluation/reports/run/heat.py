"""Differences from the source as pictures, on one scale for all cases and methods."""

import cv2
import numpy as np
from numpy.typing import NDArray

# Levels of 255 at which the scale ends. A choice, stated on every page: a codec's noise (a few levels) is dark violet,
# and what was moved or drawn anew (tens of levels) is yellow.
FULL = 32
OUTSIDE = (74, 80, 92)  # RGB where nothing had to be preserved: a colour that the scale has not


def difference(result: NDArray[np.uint8], source: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return how far two pictures, uint8 RGB `[H,W,3]`, are apart: the channels' mean, float32 `[H,W]`, 0 to 255."""
    return np.asarray(cv2.absdiff(result, source).mean(axis=-1, dtype=np.float32))


def heat_map(levels: NDArray[np.float32], preserved: NDArray[np.bool_] | None) -> NDArray[np.uint8]:
    """Return differences `[H,W]` as uint8 RGB `[H,W,3]`: black is 0, bright yellow `FULL` or more, grey not preserved.

    `preserved` is `[H,W]`, None for everything.
    """
    codes = np.rint(levels * (255 / FULL)).clip(0, 255).astype(np.uint8)
    picture = np.asarray(cv2.applyColorMap(codes, cv2.COLORMAP_INFERNO), np.uint8)[..., ::-1].copy()
    if preserved is not None:
        picture[~preserved] = OUTSIDE
    return picture
