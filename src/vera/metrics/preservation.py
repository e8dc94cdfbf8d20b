"""PSNR, SSIM, MS-SSIM and a count of changed samples, in a region or over the whole frame.

Differences are of RGB codes for PSNR, of full-range BT.601 luma (0 to 255, not rounded) for SSIM and MS-SSIM, as their
authors defined them on grey pictures. Frames are read one by one: memory does not grow with the clip.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.arrays import Frames
from vera.metrics.inputs import Region, check_frames

IDENTICAL = 100.0  # dB, which stands for no difference at all, so that means exist

WINDOW = 11  # pixels, a Gaussian of sigma 1.5: the published SSIM (Wang et al., 2004) and MS-SSIM
SIGMA = 1.5
SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # exponents from the finest scale on (Wang et al., 2003)
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2

_Map = NDArray[np.float32]  # of one frame [h,w]
_Mask = NDArray[np.bool_]


def changed_samples(result: Frames, source: Frames, region: Region) -> tuple[int, int]:
    """Count the samples of the region, three a pixel, and those in which `result` and `source` `[T,H,W,3]` differ."""
    check_frames(result, source, region)
    frames = zip(result, source, region, strict=True)
    changed = sum(int(np.count_nonzero(one[kept] != other[kept])) for one, other, kept in frames)
    return 3 * int(np.count_nonzero(region)), changed


def psnr(result: Frames, source: Frames, region: Region | None = None) -> float | None:
    """Measure the PSNR of RGB frames `[T,H,W,3]` in the region, in dB, at most `IDENTICAL`; higher is better.

    The squared error is averaged over all samples of the clip first, as ffmpeg does. None for an empty region.
    """
    check_frames(result, source, region)
    total, count = 0.0, 0
    for t in range(len(result)):
        kept = None if region is None else region[t].view(np.uint8)
        total += cv2.norm(result[t], source[t], cv2.NORM_L2SQR, kept)
        count += result[t].size if region is None else 3 * int(np.count_nonzero(region[t]))
    if not count:
        return None
    return min(10 * math.log10(255**2 * count / total), IDENTICAL) if total else IDENTICAL


def ssim(result: Frames, source: Frames, region: Region | None = None) -> float | None:
    """Measure the mean structural similarity (Wang et al., 2004) of frames `[T,H,W,3]`, -1 to 1; higher is better.

    Of luma, over the windows that lie wholly in the region. None if no window does: for an empty region, or frames
    below `WINDOW` pixels.
    """
    check_frames(result, source, region)
    total, count = 0.0, 0
    for one, other, kept in _frames(result, source, region):
        whole = _whole_windows(kept)
        if whole.any():
            light, structure = _similarity(one, other)
            similarity = (light * structure)[whole]
            total += float(similarity.sum(dtype=np.float64))
            count += similarity.size
    return total / count if count else None


def ms_ssim(result: Frames, source: Frames, region: Region | None = None) -> float | None:
    """Measure multi-scale structural similarity (Wang et al., 2003) of frames `[T,H,W,3]`, 0 to 1; higher is better.

    The mean over frames, of luma. Each of five scales halves the one before by means of 2x2 pixels, of which all
    must lie in the region, and counts the windows that do so wholly; a negative mean counts as 0. Frames without
    such a window at the coarsest scale, as all below 176 pixels are, say nothing; None if there are no others.
    """
    check_frames(result, source, region)
    values = (_over_scales(one, other, kept) for one, other, kept in _frames(result, source, region))
    found = [value for value in values if value is not None]
    return float(np.mean(found)) if found else None


def _frames(result: Frames, source: Frames, region: Region | None) -> "zip[tuple[_Map, _Map, _Mask]]":
    everywhere = np.ones(result.shape[1:3], bool)
    regions = (everywhere for _ in result) if region is None else iter(region)
    return zip(map(luma, result), map(luma, source), regions, strict=True)


def luma(frame: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the full-range BT.601 luma `[H,W]`, 0 to 255, of RGB codes `[H,W,3]`."""
    return np.asarray(cv2.cvtColor(frame.astype(np.float32), cv2.COLOR_RGB2GRAY), np.float32)


def _over_scales(one: _Map, other: _Map, kept: _Mask) -> float | None:
    value = 1.0
    for scale, exponent in enumerate(SCALES):
        if scale:
            one, other, kept = _half(one), _half(other), _half_mask(kept)
        whole = _whole_windows(kept)
        if not whole.any():
            return None
        light, structure = _similarity(one, other)
        similarity = light * structure if scale == len(SCALES) - 1 else structure
        value *= max(float(similarity[whole].mean(dtype=np.float64)), 0.0) ** exponent
    return value


def _half(picture: _Map) -> _Map:
    height, width = picture.shape[0] // 2, picture.shape[1] // 2
    even = picture[: 2 * height, : 2 * width]
    return np.asarray(cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA), np.float32)


def _half_mask(mask: _Mask) -> _Mask:
    even = mask[: mask.shape[0] // 2 * 2, : mask.shape[1] // 2 * 2]
    return even[::2, ::2] & even[1::2, ::2] & even[::2, 1::2] & even[1::2, 1::2]


def _whole_windows(kept: _Mask) -> _Mask:
    """Of each window, by its centre, whether it lies wholly in the region of a frame; all False if none fits."""
    if min(kept.shape) < WINDOW:
        return np.zeros(kept.shape, bool)
    kernel = np.ones((WINDOW, WINDOW), np.uint8)
    whole = cv2.erode(kept.view(np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return np.asarray(whole, np.uint8).view(bool)


def _similarity(x: _Map, y: _Map) -> tuple[_Map, _Map]:
    """Of the windows around all pixels the likeness of mean light, and of contrast and structure."""
    mean_x, mean_y = _mean(x), _mean(y)
    product, squares = mean_x * mean_y, mean_x * mean_x + mean_y * mean_y
    covariance, variances = _mean(x * y) - product, _mean(x * x + y * y) - squares
    light, structure = (2 * product + _C1) / (squares + _C1), (2 * covariance + _C2) / (variances + _C2)
    return np.asarray(light, np.float32), np.asarray(structure, np.float32)


def _mean(values: _Map) -> _Map:
    return np.asarray(cv2.GaussianBlur(values, (WINDOW, WINDOW), SIGMA), np.float32)
