"""Where the edited clip differs from the source by more than its codec does."""

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.arrays import Float

Mask = NDArray[np.bool_]

# In standard deviations. Of the preserved pixels of re-encoded clips 1 in 10,000 is above 7, 1 in 100 above 3.3. Half
# of POSSIBLE lets noise in: 3.7 dB less gain and 1.6 times the matte's error. Double gains 10 dB on these cases, but
# would lose fainter edits. The other values do not decide them.
# `python -m benchmarks.sensitivity layerize --only difference` prints this.
CERTAIN, POSSIBLE = 8.0, 3.5
SMALLEST_PART = 12  # certain pixels that a changed part must have
# Holes in what changed, as parts of the frame: the smaller ones, and larger ones whose difference is above what noise
# makes, are where the edit happens to look like the source.
SMALL_HOLE, LARGE_HOLE = 1 / 2000, 1 / 50
UNLIKE = 1.4  # mean difference in standard deviations; of what is preserved it is about 0.9


def find_changes(difference: Float, level: Float, kept: Mask | None = None, beyond: Float | None = None) -> Mask:
    """`[H,W]`, from the smoothed difference `[H,W,3]` and the noise level: the connected parts of what may be changed
    that hold enough of what certainly is. Nothing well within `kept` is.

    `beyond` `[H,W,3]` is what of the difference nothing around in the source explains, if it is known.
    """
    score = np.sqrt(np.square(difference).mean(axis=-1)) / level
    sure = score if beyond is None else np.minimum(score, np.sqrt(np.square(beyond).mean(axis=-1)) / level)
    if kept is not None:
        inner = cv2.erode(kept.view(np.uint8), np.ones((7, 7), np.uint8), borderType=cv2.BORDER_REPLICATE)
        score, sure = (np.where(inner > 0, np.float32(0), part) for part in (score, sure))
    possible = (score > POSSIBLE).view(np.uint8)
    count, labels = cv2.connectedComponents(possible, connectivity=8)
    seeds = np.bincount(labels[sure > CERTAIN], minlength=count)
    seeds[0] = 0
    found = (seeds >= SMALLEST_PART)[labels].view(np.uint8)
    found = cv2.morphologyEx(found, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(1 - found, connectivity=4)
    area = stats[:, cv2.CC_STAT_AREA]
    mean = np.bincount(labels.ravel(), score.ravel(), minlength=count) / np.maximum(area, 1)
    hole = (area < SMALL_HOLE * score.size) | ((area < LARGE_HOLE * score.size) & (mean > UNLIKE))
    hole[0] = False  # that is what was found
    return np.asarray(found.astype(bool) | hole[labels])
