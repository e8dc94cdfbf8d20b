"""Pairwise choices as counts: how often each rater preferred which method of which pair."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vera.errors import VeraError
from vera.metrics.statistics.checks import Labels, groups


@dataclass(frozen=True)
class Comparisons:
    """K methods of which P pairs were shown to R raters."""

    methods: tuple[Any, ...]  # [K], in order
    pairs: NDArray[np.intp]  # [P,2] indices of methods, the smaller first
    wins: NDArray[np.float64]  # [R,P] how often the first of the pair was preferred
    trials: NDArray[np.float64]  # [R,P]

    @property
    def design(self) -> NDArray[np.float64]:
        """Return `[P,K]`: 1 for the first method of a pair, -1 for the second."""
        matrix = np.zeros((len(self.pairs), len(self.methods)))
        matrix[np.arange(len(self.pairs)), self.pairs[:, 0]] = 1
        matrix[np.arange(len(self.pairs)), self.pairs[:, 1]] = -1
        return matrix

    def won(self) -> NDArray[np.float64]:
        """Return `[K,K]`: how often each method was preferred over each other, by all raters."""
        matrix = np.zeros((len(self.methods), len(self.methods)))
        first, second = self.pairs.T
        matrix[first, second] = self.wins.sum(0)
        matrix[second, first] = (self.trials - self.wins).sum(0)
        return matrix


def tally(winners: Labels, losers: Labels, raters: Labels | None = None) -> Comparisons:
    """Count `[N]` choices of a winner over a loser; without `raters`, `[N]` labels, as if of one rater.

    VeraError for arrays of other lengths, or a method that was compared with itself.
    """
    count = len(winners)
    if not count:
        raise VeraError("comparisons: there are none")
    if len(losers) != count:
        raise VeraError(f"comparisons: {count} winners and {len(losers)} losers")
    methods, index = groups(np.concatenate([np.asarray(winners), np.asarray(losers)]), 2 * count, "methods")
    won, lost = index[:count], index[count:]
    if (won == lost).any():
        raise VeraError(f"comparisons: {methods[won[won == lost][0]]} was compared with itself")
    _, rater = groups(np.zeros(count) if raters is None else raters, count, "raters")
    shown = np.stack([np.minimum(won, lost), np.maximum(won, lost)], axis=1)
    pairs, pair = np.unique(shown, axis=0, return_inverse=True)
    wins, trials = np.zeros((2, rater.max() + 1, len(pairs)))
    np.add.at(trials, (rater, pair.reshape(-1)), 1)
    np.add.at(wins, (rater, pair.reshape(-1)), won < lost)
    return Comparisons(tuple(methods.tolist()), pairs, wins, trials)
