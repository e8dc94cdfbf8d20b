"""Means with what they are worth: bootstrap confidence intervals."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 10_000
LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """The mean of `count` values, and the interval that holds `LEVEL` of the means of as many drawn with return."""

    mean: float
    low: float
    high: float
    count: int


def estimate(values: Sequence[float], seed: int = 0) -> Estimate:
    """Percentile bootstrap of the mean; equal values and seed give equal intervals. There must be a value."""
    sample = np.asarray(values, np.float64)
    rng = np.random.default_rng(seed)
    means = np.concatenate([_resampled(sample, count, rng) for count in (RESAMPLES // 10,) * 10])
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(float(sample.mean()), float(low), float(high), len(sample))


def _resampled(sample: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    return np.asarray(sample[rng.integers(len(sample), size=(count, len(sample)))].mean(axis=1))
