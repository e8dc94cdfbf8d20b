"""A result against its own layers, and against the truth where the matte's outline lies."""

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.arrays import Frames
from vera.metrics.inputs import check_fits, check_frames
from vera.metrics.objects import SOLID, Alpha

BAND = 0.01  # of the frame's height, each way from the outline: 5 pixels at 480, what a soft edge and its blur take


def compositing_residual(result: Frames, edit: Frames, alpha: Alpha, source: Frames) -> float:
    """Average the difference, in 8-bit levels, of `result` `[T,H,W,3]` and its layers over the source.

    The layers give alpha * edit + (1-alpha) * source, rounded; the mean is over the whole frame. Lower is better, 0
    where the result is what its layers give.
    """
    check_frames(result, source)
    check_frames(edit, source)
    check_fits(alpha, result)
    total = 0.0
    for t in range(len(result)):
        under = source[t].astype(np.float32)
        laid = np.rint(under + alpha[t][..., None] * (edit[t] - under)).clip(0, 255).astype(np.uint8)
        total += cv2.norm(result[t], laid, cv2.NORM_L1)
    return total / result.size


def edge_band_error(result: Frames, ground_truth: Frames, alpha: Alpha) -> float | None:
    """Average the difference, in 8-bit levels, of `result` and the true composite near the true matte's outline.

    The outline is that of what is solid in `alpha`; near is within `BAND`, and at least a pixel, both ways. Lower is
    better. None if no frame has an outline.
    """
    check_frames(result, ground_truth)
    check_fits(alpha, result)
    total, count = 0.0, 0
    for t in range(len(result)):
        band = edge_band(alpha[t])
        total += cv2.norm(result[t], ground_truth[t], cv2.NORM_L1, band.view(np.uint8))
        count += 3 * int(np.count_nonzero(band))
    return total / count if count else None


def edge_band(alpha: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Find the pixels of a frame `[H,W]` within `BAND` of which, both ways, there are solid ones and others."""
    solid = (alpha > SOLID).astype(np.uint8)
    side = 2 * max(1, round(BAND * alpha.shape[0])) + 1
    kernel = np.ones((side, side), np.uint8)
    return np.asarray(cv2.dilate(solid, kernel) != cv2.erode(solid, kernel))  # beyond the frame is neither
