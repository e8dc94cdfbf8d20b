"""Bootstrap confidence intervals, of single values and of values that come in clusters."""

import math
import warnings
from collections.abc import Callable
from typing import Any, Literal, TypedDict, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vera.errors import VeraError
from vera.metrics.statistics.checks import Labels, groups, numbers, share, totals
from vera.metrics.statistics.interval import Interval
from vera.metrics.statistics.optional import need

Statistic = Callable[..., Any]  # of an array and its axis, such as numpy.mean
Method = Literal["percentile", "bca"]
RESAMPLES = 10_000
BATCH = 1000  # resamples in memory at a time


class Bootstrap(TypedDict, total=False):
    """How an interval is found; `drawn_interval` has the defaults.

    The method `bca` corrects for bias and skewness, which helps with measures that are mostly small and sometimes
    large. `level` is the share of studies whose interval holds the true value. `expand` widens the interval as
    Student's t is wider than the normal (Hesterberg, 2015): percentiles alone are too narrow where values are few.
    """

    method: Method
    level: float
    resamples: int
    seed: int
    expand: bool


def bootstrap_interval(values: ArrayLike, statistic: Statistic = np.mean, **options: Unpack[Bootstrap]) -> Interval:
    """Interval of a statistic of `[N]` independent values, N at least 2; equal values and seed, equal interval.

    VeraError for values that are not finite, or fewer than two.
    """
    sample = numbers(values, "values")

    def drawn_statistic(drawn: NDArray[np.intp], axis: int) -> NDArray[np.float64]:
        return np.asarray(statistic(sample[drawn], axis=axis))

    return drawn_interval(len(sample), drawn_statistic, **options)


def cluster_interval(values: ArrayLike, clusters: Labels, **options: Unpack[Bootstrap]) -> Interval:
    """Interval of the mean of `[N]` values of which those of one rater, or one case, are alike.

    Clusters are drawn with return, each with all its values. `clusters` are `[N]` labels, of at least two clusters.
    VeraError for other arrays.
    """
    sample = numbers(values, "values")
    _, index = groups(clusters, len(sample), "clusters")
    sums, counts = totals(sample, index), np.bincount(index)

    def mean(drawn: NDArray[np.intp], axis: int) -> NDArray[np.float64]:
        return np.asarray(sums[drawn].sum(axis) / counts[drawn].sum(axis))

    return drawn_interval(len(sums), mean, **options)


def drawn_interval(
    count: int,
    statistic: Statistic,
    *,
    method: Method = "percentile",
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
    expand: bool = True,
) -> Interval:
    """Interval of a statistic of `count` independent things, cases or raters say, that are drawn by their index.

    `statistic(drawn, axis)` takes indices `[..., count]` and returns `[...]`. VeraError for fewer than two things, or
    too few resamples for the level.
    """
    share(level, "level")
    if count < 2:
        raise VeraError("an interval by bootstrap needs at least two values, or two clusters")
    if resamples < (least := math.ceil(2 / (1 - level))):  # or none of them lies beyond a bound
        raise VeraError(f"resamples: {least} or more tell an interval of level {level:g}, not {resamples}")
    within = min(_expanded(level, count), 1 - 1 / resamples) if expand else level
    value = float(statistic(np.arange(count), axis=-1))
    low, high = _bounds(count, statistic, method, within, resamples, seed)
    if not (math.isfinite(low) and math.isfinite(high)):  # BCa divides by the spread, which equal values have not
        low, high = _bounds(count, statistic, "percentile", within, resamples, seed)
    # Rounding, of equal values, or few skewed ones may leave the value itself out.
    return Interval(value, min(low, value), max(high, value), level)


def _bounds(
    count: int, statistic: Statistic, method: Method, level: float, resamples: int, seed: int
) -> tuple[float, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of degenerate data, which the caller looks for
        found = need("scipy.stats").bootstrap(
            (np.arange(count),),
            statistic,
            n_resamples=resamples,
            batch=BATCH,
            vectorized=True,
            confidence_level=level,
            method={"percentile": "percentile", "bca": "BCa"}[method],
            rng=np.random.default_rng(seed),
        )
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def _expanded(level: float, count: int) -> float:
    """The level at which percentiles reach as far as t with the unbiased variance does at `level`."""
    stats = need("scipy.stats")
    tail = stats.t.ppf((1 - level) / 2, count - 1) * math.sqrt(count / (count - 1))
    return float(1 - 2 * stats.norm.cdf(tail))
