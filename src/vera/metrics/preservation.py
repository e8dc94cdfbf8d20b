"""PSNR, SSIM and a count of changed samples inside a region."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.arrays import Frames

Region = NDArray[np.bool_]  # [T,H,W]
IDENTICAL = 100.0  # dB, which stands for no difference at all, so that means exist

_WINDOW = 11  # pixels, of sigma 1.5: the published SSIM
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def changed_samples(result: Frames, source: Frames, region: Region) -> tuple[int, int]:
    """How many samples (three a pixel) the region has, and in how many `result` and `source` differ."""
    different = result[region] != source[region]
    return different.size, int(np.count_nonzero(different))


def psnr(result: Frames, source: Frames, region: Region) -> float | None:
    """In dB over the region, at most `IDENTICAL`; None for an empty region."""
    if not region.any():
        return None
    error = np.square(result[region].astype(np.float64) - source[region]).mean()
    return min(10 * math.log10(255**2 / error), IDENTICAL) if error else IDENTICAL


def ssim(result: Frames, source: Frames, region: Region) -> float | None:
    """Mean structural similarity (Wang et al., 2004) of luma over the windows that lie wholly in the region.

    None if no window does.
    """
    kernel = np.ones((_WINDOW, _WINDOW), np.uint8)
    total, count = 0.0, 0
    for one, other, kept in zip(result, source, region, strict=True):
        whole = cv2.erode(kept.astype(np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0).astype(bool)
        total += float(_similarity(_luma(one), _luma(other))[whole].sum())
        count += int(np.count_nonzero(whole))
    return total / count if count else None


def _luma(frame: NDArray[np.uint8]) -> NDArray[np.float64]:
    return np.asarray(frame @ np.array([0.299, 0.587, 0.114]))


def _similarity(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    def mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(cv2.GaussianBlur(values, (_WINDOW, _WINDOW), 1.5))

    mean_x, mean_y = mean(x), mean(y)
    var_x, var_y, cov = mean(x * x) - mean_x**2, mean(y * y) - mean_y**2, mean(x * y) - mean_x * mean_y
    light = (2 * mean_x * mean_y + _C1) / (mean_x**2 + mean_y**2 + _C1)
    return np.asarray(light * (2 * cov + _C2) / (var_x + var_y + _C2))
