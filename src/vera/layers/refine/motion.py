"""Motion between two pictures (dense inverse search, Kroeger et al., 2016), and pictures moved by it."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.arrays import Float

LEAST_SIDE = 32  # one patch of the search: 8 pixels, at a quarter of the size


def grey(picture: NDArray[Any]) -> NDArray[np.uint8]:
    """RGB `[H,W,3]`, uint8, uint16 or float32 in [0,1], as the search takes it."""
    if picture.dtype == np.float32:
        picture = np.rint(picture.clip(0, 1) * 255).astype(np.uint8)
    elif picture.dtype == np.uint16:
        picture = (picture >> 8).astype(np.uint8)
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)


def flow(here: NDArray[np.uint8], there: NDArray[np.uint8]) -> Float:
    """`[H,W,2]`: from each pixel of `here` to the same thing in `there`, right and down, in pixels."""
    if min(here.shape) < LEAST_SIDE:
        return np.zeros((*here.shape, 2), np.float32)
    search: Any = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)  # type: ignore[attr-defined]  # not in its stubs
    return np.asarray(search.calc(here, there, None), np.float32)


def moved(picture: Float, motion: Float) -> Float:
    """`picture` of there as it is seen here: what `motion` points to. Beyond the frame its border goes on."""
    y, x = np.mgrid[: motion.shape[0], : motion.shape[1]].astype(np.float32)
    target = np.stack([x + motion[..., 0], y + motion[..., 1]], -1)
    return np.asarray(cv2.remap(picture, target, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))
