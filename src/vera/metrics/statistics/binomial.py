"""Shares of wins: the exact binomial test and Wilson's interval, also with raters who differ."""

import math
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vera.errors import VeraError
from vera.metrics.statistics.checks import Labels, groups, numbers, share, totals
from vera.metrics.statistics.interval import Interval
from vera.metrics.statistics.optional import need

Alternative = Literal["two-sided", "greater", "less"]


def binomial_test(wins: int, trials: int, chance: float = 0.5, alternative: Alternative = "two-sided") -> float:
    """P-value of so many wins of independent trials, exact.

    Answers of one rater are not independent: with raters who differ by one logit this finds differences where there
    are none about twice as often as it says. `sign_flip_by_rater` does not. VeraError for counts or
    a chance that cannot be.
    """
    _check_count(wins, trials)
    if not 0 <= chance <= 1:
        raise VeraError(f"chance: is 0 to 1, not {chance:g}")
    return float(need("scipy.stats").binomtest(wins, trials, chance, alternative).pvalue)


def wilson_interval(wins: int, trials: int, level: float = 0.95) -> Interval:
    """Wilson's interval of the share of wins of independent trials."""
    _check_count(wins, trials)
    found = need("scipy.stats").binomtest(wins, trials).proportion_ci(share(level, "level"), method="wilson")
    return Interval(wins / trials, float(found.low), float(found.high), level)


def wilson_interval_by_rater(wins: ArrayLike, raters: Labels, level: float = 0.95) -> Interval:
    """Wilson's interval of the share of wins, `[N]` of 0 and 1, for raters who differ, of whom there are at least two.

    The number of trials is replaced by the number of independent ones that would vary as much as the raters do, and
    the normal quantile by Student's (Kott and Carr, 1997). Where raters do not vary at all, each counts once.
    """
    won = choices(wins)
    _, index = groups(raters, len(won), "raters")
    sums, counts = totals(won, index), np.bincount(index)
    if len(sums) < 2:
        raise VeraError("an interval over raters needs at least two raters")
    value = float(won.mean())
    variance = ratio_variance(sums, counts)
    effective = value * (1 - value) / variance if variance > 0 else float(len(sums))
    quantile = float(need("scipy.stats").t.ppf((1 + share(level, "level")) / 2, len(sums) - 1))
    return Interval(value, *_wilson(value, effective, quantile), level)


def ratio_variance(sums: NDArray[np.float64], counts: NDArray[np.intp]) -> float:
    """Variance of total over total count, from `[G]` totals and counts of clusters that are independent."""
    rest = sums - sums.sum() / counts.sum() * counts
    return float(len(sums) / (len(sums) - 1) * (rest**2).sum() / counts.sum() ** 2)


def choices(wins: ArrayLike) -> NDArray[np.float64]:
    """Return `[N]` of 0 and 1, N at least 1, or VeraError."""
    won = numbers(wins, "wins")
    if not np.isin(won, (0, 1)).all():
        raise VeraError("wins: are 0 or 1")
    return won


def _wilson(value: float, trials: float, quantile: float) -> tuple[float, float]:
    spread = quantile**2 / trials
    middle = (value + spread / 2) / (1 + spread)
    half = quantile / (1 + spread) * math.sqrt(value * (1 - value) / trials + spread / trials / 4)
    return max(0.0, min(middle - half, value)), min(1.0, max(middle + half, value))  # which rounding may leave out


def _check_count(wins: int, trials: int) -> None:
    if not 0 <= wins <= trials or trials < 1:
        raise VeraError(f"{wins} wins of {trials} trials: at least one trial is needed, and no more wins than trials")
