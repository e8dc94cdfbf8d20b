"""The main component of a matte and its bounding box."""

import cv2
import numpy as np
from numpy.typing import NDArray

Alpha = NDArray[np.float32]  # [T,H,W] in [0,1]
SOLID = 0.5  # alpha from which a pixel counts as the object; shadows are thinner


def to_alpha(codes: NDArray[np.uint8] | NDArray[np.uint16]) -> Alpha:
    """8-bit or 16-bit codes as coverage in [0,1]."""
    return np.asarray(codes / np.float32(np.iinfo(codes.dtype).max), np.float32)


def main_component(alpha: NDArray[np.float32]) -> NDArray[np.bool_]:
    """The largest 8-connected part of one frame `[H,W]` where alpha is above `SOLID`; all False if there is none."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats((alpha > SOLID).astype(np.uint8), connectivity=8)
    if count == 1:
        return np.zeros(alpha.shape, bool)
    return np.asarray(labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA])))


def bounding_box(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Left, top, right and bottom (the last two exclusive) of the True pixels of `[H,W]`, of which there is one."""
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
