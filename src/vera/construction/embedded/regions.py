"""Types of clips and masks, and masks grown, shrunk, cleaned and boxed."""

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.arrays import Frames as Frames

Mask = NDArray[np.bool_]
Box = tuple[slice, slice]

SPECK = 0.05  # of the largest part's area, below which a part of a mask is noise


def grown(mask: Mask, reach: int, square: bool = False) -> Mask:
    """`mask` `[H,W]` and what is within `reach` pixels of it, in a disc or a square."""
    around = np.ones((2 * reach + 1,) * 2, np.uint8) if square else _disc(reach)
    return np.asarray(cv2.dilate(mask.view(np.uint8), around), bool)


def shrunk(mask: Mask, reach: int) -> Mask:
    """What of `mask` `[H,W]` is more than `reach` pixels from its edge; the border of the frame is no edge."""
    return np.asarray(cv2.erode(mask.view(np.uint8), _disc(reach)), bool)


def box_about(mask: Mask, margin: int) -> Box:
    """Rows and columns of what is true in `mask` `[H,W]`, with `margin` pixels around; empty if nothing is."""
    x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
    if width == 0:
        return slice(0, 0), slice(0, 0)
    return slice(max(0, y - margin), y + height + margin), slice(max(0, x - margin), x + width + margin)


def without_specks(mask: Mask, share: float = SPECK) -> Mask:
    """The connected parts of `mask` `[H,W]` that have at least `share` of the largest one's area."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8))
    if count <= 2:
        return mask
    areas = stats[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    return np.asarray((areas >= share * areas.max())[labels])


def without_holes(mask: Mask, largest: float) -> Mask:
    """`mask` `[H,W]` with its inner holes of at most `largest` of the frame's area filled."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats((~mask).view(np.uint8), connectivity=4)
    hole = stats[:, cv2.CC_STAT_AREA] <= largest * mask.size
    hole[np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])] = False
    return np.asarray(mask | hole[labels])


def overlap(one: Mask, other: Mask) -> float:
    """Intersection over union (Jaccard index); 1 where both are empty."""
    union = int((one | other).sum())
    return int((one & other).sum()) / union if union else 1.0


def _disc(reach: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1,) * 2), np.uint8)
