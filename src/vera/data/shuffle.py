"""Orders that are functions of a number: what sample comes n-th, without having drawn those before it."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from vera.errors import VeraError

CYCLE = 1000  # draws in which a mixture's shares are met to a thousandth


def place_in_epoch(number: int, length: int, seed: int, attempt: int = 0) -> int:
    """Which of `length` items is the `number`-th: every epoch has each once, in an order of its own.

    Another `attempt` gives another item, from elsewhere in the epoch, until all had their turn.
    """
    epoch, position = divmod(number, length)
    stride = length // 2 + (2 if length % 4 == 2 else 1)  # has no divisor in common with the length
    return int(_permutation(length, epoch, seed)[(position + attempt * stride) % length])


@lru_cache(maxsize=32)
def _permutation(length: int, epoch: int, seed: int) -> NDArray[np.int64]:
    return np.random.default_rng((seed, epoch, length)).permutation(length)


class Interleaving:
    """Draws from several streams by their weights: a fixed cycle of 1000 draws, the streams spread over it.

    A stream of any weight above 0 has a place in every cycle. VeraError for more streams than a cycle has places.
    """

    def __init__(self, weights: Sequence[float], seed: int) -> None:
        if len(weights) > CYCLE:
            raise VeraError(f"data: {len(weights)} kinds of samples to draw from, at most {CYCLE}; make fewer of them")
        shares = np.asarray(weights, np.float64) / sum(weights) * CYCLE
        counts = np.maximum(np.floor(shares).astype(int), np.asarray(weights) > 0)
        # The largest remainders make the cycle full. What small streams have above their share comes from the others.
        while (missing := CYCLE - counts.sum()) != 0:
            gaps = shares - counts if missing > 0 else np.where(counts > 1, counts - shares, -np.inf)
            counts[np.argmax(gaps)] += np.sign(missing)
        cycle = np.random.default_rng((seed, len(counts))).permutation(np.repeat(np.arange(len(counts)), counts))
        self._counts = counts.tolist()
        self._cycle = cycle.tolist()
        self._ranks = [int((cycle[:index] == stream).sum()) for index, stream in enumerate(cycle)]

    def place(self, number: int) -> tuple[int, int]:
        """The stream of draw `number`, and which of its own draws it is."""
        cycles, index = divmod(number, CYCLE)
        stream = self._cycle[index]
        return stream, cycles * self._counts[stream] + self._ranks[index]
