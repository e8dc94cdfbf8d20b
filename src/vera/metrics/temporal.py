"""Changes from frame to frame: of a matte (dtSSD), of a clip (TF), and of a clip along its own optical flow."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.arrays import Frames
from vera.metrics.inputs import check_clip, check_frames, check_mattes
from vera.metrics.objects import Alpha

# Pixels, both ways: dense inverse search lays patches of 8 over half the size; on 12x96 OpenCV 5.0's ends the process.
SMALLEST = 16
RETURN = 1.0  # pixels; a flow that does not come back to where it left has met an occlusion


def dtssd(alpha: Alpha, truth: Alpha) -> float | None:
    """Measure the mattes' difference in change from frame to frame, root mean square times 100; the mean over frames.

    As in the matting literature (Erofeev et al., 2015). An empty matte gives the true one's own changes. Lower is
    better. None for a single frame.
    """
    check_mattes(alpha, truth)
    if len(alpha) < 2:
        return None
    steps = zip(alpha[1:], alpha[:-1], truth[1:], truth[:-1], strict=True)
    squares = [np.square((a - before) - (t - true)).mean(dtype=np.float64) for a, before, t, true in steps]
    return float(np.sqrt(squares).mean()) * 100


def flicker(frames: Frames) -> float | None:
    """Measure temporal flickering of frames `[T,H,W,3]` as IVEBench and VBench do: (255 - d) / 255; higher is better.

    d is the mean absolute difference of neighbouring frames, in 8-bit levels. A clip that moves less scores higher,
    whether or not it flickers. None for a single frame.
    """
    check_clip(frames)
    if len(frames) < 2:
        return None
    total = sum(cv2.norm(one, other, cv2.NORM_L1) for one, other in zip(frames[1:], frames[:-1], strict=True))
    return 1 - total / frames[1:].size / 255


def warp_error(frames: Frames) -> float | None:
    """Average the difference, in [0,1], of each frame and the next one brought back along its own optical flow.

    `frames` `[T,H,W,3]` RGB. Dense inverse search flow; pixels where forward and backward flow disagree by more than a
    pixel, or that leave the picture, do not count. Lower is better. None for a single frame, for
    frames below `SMALLEST` pixels, or where no pixel counts.
    """
    check_clip(frames)
    if min(frames.shape[1:3]) < SMALLEST:
        return None
    flow: Any = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)  # type: ignore[attr-defined]  # not in its stubs
    after = cv2.cvtColor(frames[0], cv2.COLOR_RGB2GRAY)
    height, width = frames.shape[1:3]
    grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(np.float32)
    total, count = 0.0, 0
    for t in range(len(frames) - 1):
        before, after = after, cv2.cvtColor(frames[t + 1], cv2.COLOR_RGB2GRAY)
        forward, backward = flow.calc(before, after, None), flow.calc(after, before, None)
        seen, target = _follow(grid, forward, backward)
        warped = cv2.remap(frames[t + 1].astype(np.float32), target, None, cv2.INTER_LINEAR)
        total += cv2.norm(warped, frames[t].astype(np.float32), cv2.NORM_L1, seen)
        count += 3 * cv2.countNonZero(seen)
    return total / count / 255 if count else None


def _follow(
    grid: NDArray[np.float32], forward: NDArray[np.float32], backward: NDArray[np.float32]
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Which pixels are seen in both frames, and where in the second one (x, y)."""
    target = grid + forward
    astray = forward + cv2.remap(backward, target, None, cv2.INTER_LINEAR)
    x, y = target[..., 0], target[..., 1]
    inside = (x >= 0) & (y >= 0) & (x <= grid.shape[1] - 1) & (y <= grid.shape[0] - 1)
    seen = inside & (np.square(astray[..., 0]) + np.square(astray[..., 1]) <= RETURN**2)
    return seen.astype(np.uint8), target


def warp_excess(result: Frames, source: Frames) -> float | None:
    """Measure by how many 8-bit levels `result` follows its flow worse than `source` its own; lower is better."""
    check_frames(result, source)
    after, before = warp_error(result), warp_error(source)
    return None if after is None or before is None else (after - before) * 255
