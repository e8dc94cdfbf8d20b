"""Means with bootstrap confidence intervals."""

from collections.abc import Sequence
from dataclasses import dataclass

from vera.metrics.statistics import bootstrap_interval

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
    """Percentile bootstrap of the mean; equal values and seed give equal intervals. There must be a value.

    The interval of a single value is that value.
    """
    if len(values) == 1:
        value = float(values[0])
        return Estimate(value, value, value, 1)
    found = bootstrap_interval(values, level=LEVEL, resamples=RESAMPLES, seed=seed, expand=False)
    return Estimate(found.value, found.low, found.high, len(values))
