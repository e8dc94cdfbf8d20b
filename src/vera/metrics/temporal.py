"""Temporal error of a matte (dtSSD), and of a clip against its own optical flow."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.metrics.objects import Alpha

RETURN = 1.0  # pixels; a flow that does not come back to where it left has met an occlusion


def dtssd(alpha: Alpha, truth: Alpha) -> float | None:
    """Root mean square difference of the mattes' changes from frame to frame, times 100; the mean over frames.

    As in the matting literature (Erofeev et al., 2015). An empty matte gives the true one's own changes. None for a
    single frame.
    """
    if len(alpha) < 2:
        return None
    change = np.diff(alpha, axis=0) - np.diff(truth, axis=0)
    return float(np.sqrt(np.square(change).mean(axis=(1, 2), dtype=np.float64)).mean()) * 100


def warp_error(frames: NDArray[np.uint8]) -> float | None:
    """Mean absolute difference, in [0,1], of each frame and the next one brought back along its own optical flow.

    `frames` `[T,H,W,3]` RGB. Dense inverse search flow; pixels where forward and backward flow disagree by more than a
    pixel, or that leave the picture, do not count. None for a single frame, or where no pixel counts.
    """
    flow: Any = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)  # type: ignore[attr-defined]  # not in its stubs
    greys = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]
    height, width = frames.shape[1:3]
    grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(np.float32)
    total, count = 0.0, 0
    for t in range(len(frames) - 1):
        forward = flow.calc(greys[t], greys[t + 1], None)
        backward = flow.calc(greys[t + 1], greys[t], None)
        target = grid + forward
        returned = cv2.remap(backward, target, None, cv2.INTER_LINEAR)
        inside = (target >= 0).all(axis=-1) & (target[..., 0] <= width - 1) & (target[..., 1] <= height - 1)
        seen = inside & (np.linalg.norm(forward + returned, axis=-1) <= RETURN)
        warped = cv2.remap(frames[t + 1].astype(np.float32), target, None, cv2.INTER_LINEAR)
        difference = np.abs(warped - frames[t])[seen]
        total += float(difference.sum(dtype=np.float64))
        count += difference.size
    return total / count / 255 if count else None


def warp_excess(result: NDArray[np.uint8], source: NDArray[np.uint8]) -> float | None:
    """By how many 8-bit levels `result` follows its flow worse than `source` does its own; both `[T,H,W,3]`."""
    after, before = warp_error(result), warp_error(source)
    return None if after is None or before is None else (after - before) * 255
