"""Matte errors in closed form, and against plain implementations: of each sum, correlation and flood fill."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vera.metrics.matting import (
    connectivity_error,
    gradient_error,
    intersection_over_union,
    mean_absolute_error,
    mean_squared_error,
    sum_of_absolute_differences,
)
from vera.metrics.temporal import dtssd


def mattes(seed: int, levels: int = 11) -> np.ndarray:
    """Two clips of soft blobs, of which one is near the other; `levels` alphas lie on and between the thresholds."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, levels, (2, 12, 15)) / (levels - 1)
    truth[random.random(truth.shape) < 0.5] = 1
    return np.stack([np.clip(truth + random.normal(0, 0.2, truth.shape), 0, 1), truth]).astype(np.float32)


def test_errors_of_a_constant_offset() -> None:
    truth = np.full((2, 4, 6), 0.25, np.float32)
    assert mean_absolute_error(truth + np.float32(0.5), truth) == pytest.approx(0.5)
    assert mean_squared_error(truth + np.float32(0.5), truth) == pytest.approx(0.25)
    assert sum_of_absolute_differences(truth + np.float32(0.5), truth) == pytest.approx(0.5 * 24 / 1000)
    for measure in (mean_absolute_error, mean_squared_error, sum_of_absolute_differences, connectivity_error):
        assert measure(truth, truth) == 0


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
@pytest.mark.parametrize(
    "measure",
    [
        connectivity_error,
        dtssd,
        gradient_error,
        intersection_over_union,
        mean_absolute_error,
        mean_squared_error,
        sum_of_absolute_differences,
    ],
)
def test_floats_of_any_size_are_measured(measure: Callable[..., float], dtype: type) -> None:
    # Quarters, which all types hold exactly; more pixels than the largest half.
    alpha, truth = (np.random.default_rng(0).integers(0, 5, (2, 2, 300, 400)) / 4).astype(np.float32)
    wanted = measure(alpha, truth)
    assert measure(alpha.astype(dtype), truth.astype(dtype)) == pytest.approx(wanted, rel=1e-3)


def test_overlap_of_two_rectangles() -> None:
    one, other = np.zeros((2, 1, 10, 10), np.float32)
    one[0, :, :6] = 0.6  # columns 0 to 5
    other[0, :, 3:] = 1.0  # columns 3 to 9, so 3 in common of 10
    assert intersection_over_union(one, other) == pytest.approx(0.3)
    assert intersection_over_union(one * 0.5, other) == 0  # 0.3 everywhere is no object
    assert intersection_over_union(one * 0, other * 0) == 1


@given(st.integers(0, 2**32 - 1))
def test_sums_are_those_of_plain_loops(seed: int) -> None:
    alpha, truth = mattes(seed)
    pairs = [(float(a), float(t)) for a, t in zip(alpha.ravel(), truth.ravel(), strict=True)]
    assert mean_absolute_error(alpha, truth) == pytest.approx(sum(abs(a - t) for a, t in pairs) / len(pairs))
    assert mean_squared_error(alpha, truth) == pytest.approx(sum((a - t) ** 2 for a, t in pairs) / len(pairs))
    of_a_frame = sum(abs(a - t) for a, t in pairs) / 2
    assert sum_of_absolute_differences(alpha, truth) == pytest.approx(of_a_frame / 1000)


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


def test_a_pixel_apart_is_not_connected() -> None:
    truth = np.zeros((1, 9, 9), np.float32)
    truth[0, 2:5, 2:5] = 1
    alpha = truth.copy()
    alpha[0, 7, 7] = 0.6  # no part of the object: its connectivity falls from 1 to 0.4
    alpha[0, 2, 7] = 0.1  # below the slack
    assert connectivity_error(alpha, truth) == pytest.approx(0.6 / 1000)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([6, 11, 256]))
def test_connectivity_error_is_that_of_a_flood_fill(seed: int, levels: int) -> None:
    alpha, truth = mattes(seed, levels)
    expected = np.mean([flooded_error(a, t) for a, t in zip(alpha, truth, strict=True)]) / 1000
    assert connectivity_error(alpha, truth) == pytest.approx(expected, abs=1e-6)


def flooded_error(alpha: np.ndarray, truth: np.ndarray) -> float:
    """The benchmark's error of one frame; thresholds are compared with alpha as float32."""
    thresholds = [np.float32(step * 0.1) for step in range(11)]
    parts = [largest_part((alpha >= level) & (truth >= level)) for level in thresholds[1:]]
    total = 0.0
    for index in np.ndindex(alpha.shape):
        out = [step for step, part in enumerate(parts, 1) if index not in part]
        level = float(thresholds[out[0] - 1]) if out else 1.0
        losses = [max_loss(float(matte[index]) - level) for matte in (alpha, truth)]
        total += abs(losses[0] - losses[1])
    return total


def max_loss(beyond: float) -> float:
    return beyond if beyond >= 0.15 else 0.0


def largest_part(mask: np.ndarray) -> set[tuple[int, ...]]:
    """The pixels of the largest 4-connected part; of equal ones the first by rows."""
    left = {index for index in np.ndindex(mask.shape) if mask[index]}
    best: set[tuple[int, ...]] = set()
    for start in sorted(left):
        if start not in left:
            continue
        part, waiting = set(), [start]
        while waiting:
            row, column = waiting.pop()
            if (row, column) in left:
                left.remove((row, column))
                part.add((row, column))
                waiting += [(row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)]
        best = max(best, part, key=len)
    return best
