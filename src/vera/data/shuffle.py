"""Orders that are functions of a number: what sample comes n-th, without having drawn those before it."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

CYCLE = 1000  # draws in which a mixture's shares are met to a thousandth


def place_in_epoch(number: int, length: int, seed: int, attempt: int = 0) -> int:
    """Which of `length` items is the `number`-th: every epoch has each once, in an order of its own.

    Another `attempt` gives another item, from elsewhere in the epoch.
    """
    epoch, position = divmod(number, length)
    return int(_permutation(length, epoch, seed)[(position + attempt * (length // 2 + 1)) % length])


@lru_cache(maxsize=32)
def _permutation(length: int, epoch: int, seed: int) -> NDArray[np.int64]:
    return np.random.default_rng((seed, epoch, length)).permutation(length)


class Interleaving:
    """Draws from several streams by their weights: a fixed cycle of 1000 draws, the streams spread over it."""

    def __init__(self, weights: Sequence[float], seed: int) -> None:
        shares = np.asarray(weights, np.float64) / sum(weights) * CYCLE
        counts = np.floor(shares).astype(int)
        # The largest remainders make the cycle full; a stream with any weight at all has a place in it.
        counts = np.maximum(counts, shares > 0)
        while (missing := CYCLE - counts.sum()) != 0:
            counts[np.argmax(np.sign(missing) * (shares - counts))] += np.sign(missing)
        cycle = np.random.default_rng((seed, len(counts))).permutation(np.repeat(np.arange(len(counts)), counts))
        self._counts = counts.tolist()
        self._cycle = cycle.tolist()
        self._ranks = [int((cycle[:index] == stream).sum()) for index, stream in enumerate(cycle)]

    def place(self, number: int) -> tuple[int, int]:
        """The stream of draw `number`, and which of its own draws it is."""
        cycles, index = divmod(number, CYCLE)
        stream = self._cycle[index]
        return stream, cycles * self._counts[stream] + self._ranks[index]
