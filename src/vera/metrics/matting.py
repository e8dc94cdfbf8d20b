"""A matte against the true one: the measures of matting benchmarks, over the whole frame.

Rhemann et al. (2009) measure only where a trimap is unknown; a clip has no trimap, so every pixel counts, as is usual
for video. Sums are of one frame, in thousands, and depend on its size.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.metrics.inputs import check_mattes
from vera.metrics.objects import SOLID, Alpha

GRADIENT_SIGMA = 1.4  # of the published matting benchmark (Rhemann et al., 2009)
CONNECTIVITY_STEP = 0.1  # between thresholds, as in the benchmark's published evaluation
CONNECTIVITY_SLACK = 0.15  # of alpha: theta of the benchmark, below which a pixel counts as fully connected


def mean_absolute_error(alpha: Alpha, truth: Alpha) -> float:
    """Average |alpha - truth| over the clip `[T,H,W]`, 0 to 1; lower is better."""
    check_mattes(alpha, truth)
    return float(np.mean([np.abs(a - t).mean(dtype=np.float64) for a, t in zip(alpha, truth, strict=True)]))


def sum_of_absolute_differences(alpha: Alpha, truth: Alpha) -> float:
    """Sum |alpha - truth| over a frame `[H,W]`, in thousands; the mean over frames; lower is better."""
    return mean_absolute_error(alpha, truth) * math.prod(truth.shape[1:]) / 1000


def mean_squared_error(alpha: Alpha, truth: Alpha) -> float:
    """Average (alpha - truth)^2 over the clip `[T,H,W]`, 0 to 1; lower is better."""
    check_mattes(alpha, truth)
    return float(np.mean([np.square(a - t).mean(dtype=np.float64) for a, t in zip(alpha, truth, strict=True)]))


def intersection_over_union(alpha: Alpha, truth: Alpha) -> float:
    """Measure the overlap of the pixels above one half, over the clip `[T,H,W]`, 0 to 1; higher is better.

    1 where neither matte has any.
    """
    check_mattes(alpha, truth)
    both = either = 0
    for a, t in zip(alpha, truth, strict=True):
        one, other = a > SOLID, t > SOLID
        both += int(np.count_nonzero(one & other))
        either += int(np.count_nonzero(one | other))
    return both / either if either else 1.0


def gradient_error(alpha: Alpha, truth: Alpha) -> float:
    """Sum the squared difference of gradient lengths over a frame `[H,W]`, in thousands; the mean over frames.

    The gradient is that of the matte smoothed by a Gaussian (Rhemann et al., 2009). Lower is better.
    """
    check_mattes(alpha, truth)
    errors = [np.square(_slope(a) - _slope(t)).sum(dtype=np.float64) for a, t in zip(alpha, truth, strict=True)]
    return float(np.mean(errors)) / 1000


def connectivity_error(alpha: Alpha, truth: Alpha) -> float:
    """Sum the difference of how connected pixels are over a frame `[H,W]`, in thousands; the mean over frames.

    As the benchmark of Rhemann et al. (2009) computes it: a pixel is connected up to the last threshold, in steps of a
    tenth, at which it lies in the largest 4-connected part where both mattes reach the threshold, and loses by how far
    its alpha exceeds that, from `CONNECTIVITY_SLACK` on. (The paper's text has one such part, that of full opacity.)
    Lower is better.
    """
    check_mattes(alpha, truth)
    errors = []
    for a, t in zip(alpha, truth, strict=True):
        level = _connected_level(np.minimum(a, t))
        errors.append(np.abs(_connectivity(a, level) - _connectivity(t, level)).sum(dtype=np.float64))
    return float(np.mean(errors)) / 1000


def _connected_level(both: NDArray[np.float32]) -> NDArray[np.float32]:
    """The last threshold up to which each pixel lies in the largest part of `both` `[H,W]` that reaches it."""
    level = np.ones(both.shape, np.float32)
    connected = np.ones(both.shape, bool)
    for step in range(1, round(1 / CONNECTIVITY_STEP) + 1):
        # Codes of a matte that stand for a threshold exactly are compared with it in their own precision.
        part = connected & _largest_part(both >= np.float32(step * CONNECTIVITY_STEP))
        level[connected & ~part] = (step - 1) * CONNECTIVITY_STEP
        connected = part
        if not connected.any():
            break
    return level


def _largest_part(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    count, labels = cv2.connectedComponents(mask.view(np.uint8), connectivity=4)
    if count <= 2:  # besides what is outside, one part at most, whose area need not be counted
        return mask
    return np.asarray(labels == 1 + int(np.argmax(np.bincount(labels.ravel())[1:])))


def _connectivity(alpha: NDArray[np.float32], level: NDArray[np.float32]) -> NDArray[np.float32]:
    beyond = alpha - level
    return np.where(beyond >= CONNECTIVITY_SLACK, 1 - beyond, np.float32(1))


def _slope(alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    """Length of the gradient of one frame `[H,W]`, by unit-sum Gaussians and their derivatives (edges repeat)."""
    alpha = alpha.astype(np.float32, copy=False)  # OpenCV filters no other floats into these
    radius = int(np.ceil(4 * GRADIENT_SIGMA))
    x = np.arange(-radius, radius + 1)
    smooth = np.exp(-(x**2) / (2 * GRADIENT_SIGMA**2))
    smooth /= smooth.sum()
    derive = x * smooth / GRADIENT_SIGMA**2
    across = cv2.sepFilter2D(alpha, cv2.CV_32F, derive, smooth, borderType=cv2.BORDER_REPLICATE)
    down = cv2.sepFilter2D(alpha, cv2.CV_32F, smooth, derive, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(np.sqrt(across * across + down * down), np.float32)
