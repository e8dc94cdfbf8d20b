"""Guesses slowed: who has tried many wrong secrets is not listened to for a while."""

import time
from collections import OrderedDict
from collections.abc import Callable

BURST = 20  # wrong secrets of one address before it has to wait
REFILL = 0.5  # a second
REMEMBERED = 10_000  # addresses


class Throttle:
    """Counts wrong secrets by address: a bucket of `BURST`, which fills again by `REFILL` a second."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # how many are left, and when that was so

    def wait(self, address: str) -> float:
        """Return the seconds for which an address is not listened to; 0 if it is."""
        return max(0.0, (1 - self._now_left(address)) / REFILL)

    def failed(self, address: str) -> None:
        """Count a wrong secret."""
        self._left[address] = (max(0.0, self._now_left(address) - 1), self._clock())
        self._left.move_to_end(address)
        if len(self._left) > REMEMBERED:
            self._left.popitem(last=False)

    def _now_left(self, address: str) -> float:
        left, since = self._left.get(address, (float(BURST), self._clock()))
        return min(BURST, left + REFILL * (self._clock() - since))
