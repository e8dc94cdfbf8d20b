"""Simulated preference studies: raters with preferences of their own choose between methods."""

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vera.errors import VeraError
from vera.metrics.statistics.bradley_terry import sigmoid
from vera.metrics.statistics.checks import numbers, share

LARGEST_SD = 10  # of raters' own preferences, in logits: nearly every rater would always choose alike
NODES = 64  # of the quadrature over raters: exact to 1e-9 up to a deviation of 3 logits


def win_rate(logit: float, rater_sd: float) -> float:
    """Share of wins over all raters, whose own preferences have this mean and standard deviation in logits."""
    places, weights = _normal()
    return float(sigmoid(logit + _sd(rater_sd) * places) @ weights)


def logit_of_win_rate(rate: float, rater_sd: float) -> float:
    """Mean preference in logits of raters who differ by `rater_sd` logits and prefer one in `rate` of all trials."""
    low, high = -50.0, 50.0
    share(rate, "win rate")
    for _ in range(60):  # halves the bracket to less than 1e-15
        middle = (low + high) / 2
        low, high = (middle, high) if win_rate(middle, rater_sd) < rate else (low, middle)
    return (low + high) / 2


def simulate_wins(
    logit: float, rater_sd: float, raters: int, trials: int, rng: np.random.Generator, studies: int = 1
) -> NDArray[np.int64]:
    """Draw how many of `trials` trials each rater preferred the first of two methods in, `[studies,raters]`."""
    preferences = logit + _sd(rater_sd) * rng.standard_normal((studies, raters))
    return rng.binomial(trials, sigmoid(preferences))


def simulate_comparisons(
    logits: ArrayLike, pairs: Sequence[tuple[int, int]], rater_sd: float, raters: int, trials: int, seed: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Draw `[N]` winners, losers and raters, where each rater sees each pair of methods `trials` times.

    `logits` are abilities `[K]`; `rater_sd` is the deviation, in logits, of a rater's own preference between any two.
    """
    abilities, rng = numbers(logits, "logits"), np.random.default_rng(seed)
    own = abilities + _sd(rater_sd) / np.sqrt(2) * rng.standard_normal((raters, len(abilities)))
    rater, pair, _ = np.indices((raters, len(pairs), trials)).reshape(3, -1)
    first, second = np.asarray(pairs)[pair].T
    won = rng.random(len(rater)) < sigmoid(own[rater, first] - own[rater, second])
    return np.where(won, first, second), np.where(won, second, first), rater


@cache
def _normal() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Places and weights of the quadrature over a standard normal distribution."""
    places, weights = np.polynomial.hermite_e.hermegauss(NODES)
    return places, weights / weights.sum()


def _sd(rater_sd: float) -> float:
    if not 0 <= rater_sd <= LARGEST_SD:
        raise VeraError(f"the raters' standard deviation is 0 to {LARGEST_SD} logits, not {rater_sd:g}")
    return float(rater_sd)
