"""Matte errors in closed form, and the gradient error against a plain two-dimensional correlation."""

import numpy as np
import pytest

from vera.metrics.matting import gradient_error, intersection_over_union, mean_absolute_error


def test_absolute_error_of_a_constant_offset() -> None:
    truth = np.full((2, 4, 6), 0.25, np.float32)
    assert mean_absolute_error(truth + np.float32(0.5), truth) == pytest.approx(0.5)
    assert mean_absolute_error(truth, truth) == 0


def test_overlap_of_two_rectangles() -> None:
    one, other = np.zeros((2, 1, 10, 10), np.float32)
    one[0, :, :6] = 0.6  # columns 0 to 5
    other[0, :, 3:] = 1.0  # columns 3 to 9, so 3 in common of 10
    assert intersection_over_union(one, other) == pytest.approx(0.3)
    assert intersection_over_union(one * 0.5, other) == 0  # 0.3 everywhere is no object
    assert intersection_over_union(one * 0, other * 0) == 1


def test_gradient_error_is_that_of_a_plain_correlation() -> None:
    rng = np.random.default_rng(0)
    alpha, truth = rng.random((2, 2, 12, 15)).astype(np.float32)
    expected = np.mean([np.square(slope(a) - slope(t)).sum() for a, t in zip(alpha, truth, strict=True)]) / 1000
    assert gradient_error(alpha, truth) == pytest.approx(expected, rel=1e-4)
    assert gradient_error(truth, truth) == 0


def test_gradient_error_of_ramps() -> None:
    x = np.linspace(0, 1, 101, dtype=np.float32)
    ramp = np.tile(x, (1, 40, 1))  # slope 0.01, but for the ends, where the picture repeats
    inner = 40 * 101 * 0.01**2 / 1000
    assert gradient_error(ramp, np.zeros_like(ramp)) == pytest.approx(inner, rel=0.1)


def slope(alpha: np.ndarray) -> np.ndarray:
    sigma, radius = 1.4, 6
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    gauss = np.exp(-(x**2 + y**2) / (2 * sigma**2))
    gauss /= gauss.sum()
    padded = np.pad(alpha.astype(np.float64), radius, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, gauss.shape)
    across = (windows * (gauss * x / sigma**2)).sum(axis=(2, 3))
    down = (windows * (gauss * y / sigma**2)).sum(axis=(2, 3))
    return np.sqrt(across**2 + down**2)
