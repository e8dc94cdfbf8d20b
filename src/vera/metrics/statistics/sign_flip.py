"""The sign-flip test: if nobody prefers either, every rater's sum could as well have the other sign.

It asks nothing of how much raters differ, and it is the primary test of preference studies.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vera.metrics.statistics.binomial import Alternative
from vera.metrics.statistics.checks import Labels, groups, numbers, totals
from vera.metrics.statistics.optional import need

RESAMPLES = 99_999
LARGEST = 1 << 16  # sum of whole numbers whose exact distribution is still worked out, in milliseconds


@dataclass(frozen=True)
class SignFlip:
    """Sum of what was flipped, its p-value, how many took part, and whether every sign was considered or some drawn."""

    total: float
    p_value: float
    count: int
    exact: bool


def sign_flip_by_rater(
    scores: ArrayLike,
    raters: Labels,
    *,
    alternative: Alternative = "two-sided",
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> SignFlip:
    """Test whether `[N]` scores, 1 for a win and -1 for a loss, have mean 0, by flipping the raters' sums.

    `raters` are `[N]` labels. VeraError for other arrays.
    """
    signed = numbers(scores, "scores")
    _, index = groups(raters, len(signed), "raters")
    return sign_flip(totals(signed, index), alternative=alternative, resamples=resamples, seed=seed)


def sign_flip(
    sums: ArrayLike, *, alternative: Alternative = "two-sided", resamples: int = RESAMPLES, seed: int = 0
) -> SignFlip:
    """Test whether `[R]` independent numbers are distributed symmetrically about 0.

    Whole numbers: exact, however many. Others: every sign where these are no more than `resamples`, else so many drawn
    signs, where equal numbers and seed give equal p-values. VeraError for numbers that are not finite.
    """
    values = numbers(sums, "sums")
    flipped = np.sign(values) if len(values) == 1 else values  # how large a single one is does not matter
    if np.abs(flipped).sum() <= LARGEST and (flipped == np.rint(flipped)).all():
        found = exact_p_value(flipped.astype(np.int64), alternative)
        return SignFlip(float(values.sum()), found, len(values), True)
    found = need("scipy.stats").permutation_test(
        (values,),
        lambda signed, axis: signed.sum(axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=resamples,
        batch=10_000,
        alternative=alternative,
        rng=np.random.default_rng(seed),
    )
    return SignFlip(float(values.sum()), float(found.pvalue), len(values), 2 ** len(values) <= resamples)


def exact_p_value(sums: NDArray[np.int64], alternative: Alternative = "two-sided") -> float:
    """Probability, over all signs of `[R]` whole numbers, of a total at least as extreme as theirs."""
    total, largest = int(sums.sum()), int(np.abs(sums).sum())
    extreme = {"two-sided": abs(total), "greater": total, "less": -total}[alternative]
    # A total of `extreme` or more is one of which numbers of at most half the rest are negative.
    tail = float(_negative(np.abs(sums).tolist())[: (largest - extreme) // 2 + 1].sum())
    return min(1.0, tail * (2 if alternative == "two-sided" else 1))


def _negative(sizes: Iterable[int]) -> NDArray[np.float64]:
    """Chances of the sums 0 to S of those numbers that get a minus sign, S the sum of all.

    Of numbers of one size a binomial count gets it: there are fewer sizes than raters.
    """
    chances = np.ones(1)
    for size, count in sorted(Counter(sizes).items()):
        if size:
            steps = np.zeros(size * count + 1)
            steps[::size] = _coins(count)
            chances = np.convolve(chances, steps)
    return chances


@lru_cache(maxsize=1024)
def _coins(count: int) -> NDArray[np.float64]:
    return np.asarray(need("scipy.stats").binom.pmf(np.arange(count + 1), count, 0.5))
