"""A matte against the true one: absolute error, overlap, gradient error."""

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.metrics.objects import SOLID, Alpha

GRADIENT_SIGMA = 1.4  # of the published matting benchmark (Rhemann et al., 2009)


def mean_absolute_error(alpha: Alpha, truth: Alpha) -> float:
    """Mean of |alpha - truth| over the clip, 0 to 1; lower is better."""
    return float(np.abs(alpha - truth).mean(dtype=np.float64))


def intersection_over_union(alpha: Alpha, truth: Alpha) -> float:
    """Of the pixels above one half, over the whole clip; 1 where neither matte has any."""
    one, other = alpha > SOLID, truth > SOLID
    union = np.count_nonzero(one | other)
    return np.count_nonzero(one & other) / union if union else 1.0


def gradient_error(alpha: Alpha, truth: Alpha) -> float:
    """Sum over a frame of the squared difference of gradient lengths, in thousands; the mean over frames.

    The gradient is that of the matte smoothed by a Gaussian. It depends on the size of the frame.
    """
    errors = [np.square(_slope(a) - _slope(b)).sum(dtype=np.float64) for a, b in zip(alpha, truth, strict=True)]
    return float(np.mean(errors)) / 1000


def _slope(alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    """Length of the gradient of one frame `[H,W]`, by unit-sum Gaussians and their derivatives (edges repeat)."""
    radius = int(np.ceil(4 * GRADIENT_SIGMA))
    x = np.arange(-radius, radius + 1)
    smooth = np.exp(-(x**2) / (2 * GRADIENT_SIGMA**2))
    smooth /= smooth.sum()
    derive = x * smooth / GRADIENT_SIGMA**2
    across = cv2.sepFilter2D(alpha, cv2.CV_32F, derive, smooth, borderType=cv2.BORDER_REPLICATE)
    down = cv2.sepFilter2D(alpha, cv2.CV_32F, smooth, derive, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(np.hypot(across, down), np.float32)
