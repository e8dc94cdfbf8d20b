"""Bradley-Terry: the ability of each method, in logits, from choices of one over another."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vera.errors import VeraError
from vera.metrics.statistics.checks import Labels, share
from vera.metrics.statistics.comparisons import Comparisons, tally
from vera.metrics.statistics.interval import Interval
from vera.metrics.statistics.optional import need

ITERATIONS = 10_000


@dataclass(frozen=True)
class Abilities:
    """Abilities of K methods with mean 0: one that is a logit better is preferred in 73 % of comparisons."""

    methods: tuple[Any, ...]
    logits: NDArray[np.float64]  # [K]
    covariance: NDArray[np.float64]  # [K,K]
    rater_sd: float | None = None  # of a rater's own preference for one of two methods, in logits; None: not estimated
    alike: NDArray[np.float64] | None = None  # [K,K] the covariance if raters were alike
    raters: int = 0
    answers: int = 0

    def difference(self, one: Any, other: Any, level: float = 0.95) -> Interval:
        """Interval of how much better a method is than another, in logits."""
        unknown = [name for name in (one, other) if name not in self.methods]
        if unknown:
            raise VeraError(f"no method {unknown[0]} was compared; there are {', '.join(map(str, self.methods))}")
        sign = np.zeros(len(self.methods))
        sign[self.methods.index(one)] += 1
        sign[self.methods.index(other)] -= 1
        value, error = float(sign @ self.logits), float(np.sqrt(sign @ self.covariance @ sign))
        half = error * float(need("scipy.stats").t.ppf((1 + share(level, "level")) / 2, self._freedom(sign)))
        return Interval(value, value - half, value + half, level)

    def _freedom(self, sign: NDArray[np.float64]) -> float:
        """Degrees of freedom (Satterthwaite): the variance between raters has few, that within them many."""
        if self.alike is None:
            return float("inf")
        whole, within = float(sign @ self.covariance @ sign), float(sign @ self.alike @ sign)
        between = max(whole - within, 0.0)
        within = whole - between
        return whole**2 / (between**2 / (self.raters - 1) + within**2 / (self.answers - len(self.methods) + 1))


def bradley_terry(winners: Labels, losers: Labels) -> Abilities:
    """Abilities by maximum likelihood from `[N]` winners and losers, as if all choices were independent.

    With several answers a rater the intervals are too narrow: `bradley_terry_by_rater` is for those. VeraError if a
    method always won or always lost.
    """
    comparisons = tally(winners, losers)
    check_bounded(comparisons)
    logits = need("choix").ilsr_pairwise_dense(comparisons.won(), max_iter=ITERATIONS)
    design, trials = comparisons.design, comparisons.trials.sum(0)
    chance = sigmoid(design @ logits)
    information = (design.T * (trials * chance * (1 - chance))) @ design
    # Only differences are known: the pseudo-inverse is the covariance of abilities whose mean is 0.
    return Abilities(comparisons.methods, logits - logits.mean(), np.linalg.pinv(information, hermitian=True))


def check_bounded(comparisons: Comparisons) -> None:
    """VeraError unless wins lead from each method to each other, else the likelihood grows without bound."""
    graph = need("scipy.sparse.csgraph")
    count, circle = graph.connected_components(comparisons.won(), directed=True, connection="strong")
    if count > 1:
        lone = np.bincount(circle).argmin()
        names = ", ".join(str(name) for name, own in zip(comparisons.methods, circle, strict=True) if own == lone)
        raise VeraError(
            f"comparisons: {names} always won, always lost or was never compared with the rest, so that the abilities "
            "have no bounds; more answers are needed"
        )


def sigmoid(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return chances of `[...]` logits, without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(logits / 2)))
