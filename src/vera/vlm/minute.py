"""Limits by the minute, kept before an endpoint has to enforce them."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

MINUTE = 60.0


@dataclass
class Taken:
    """An amount that was taken at a time; it may turn out to be another one."""

    at: float
    amount: float


class MinuteLimit:
    """At most `limit` of something in any 60 seconds, whichever thread takes it; None is no limit.

    An amount above the limit is let through alone. `sleep` waits so many seconds.
    """

    def __init__(
        self,
        limit: float | None,
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit, self._sleep, self._clock = limit, sleep, clock
        self._taken: deque[Taken] = deque()
        self._lock = Lock()

    def take(self, amount: float) -> Taken:
        """Wait until `amount` is free, and take it. What it really was may be set on the result later."""
        while True:
            with self._lock:
                now = self._clock()
                wait = self._wait(amount, now)
                if wait <= 0:
                    self._taken.append(Taken(now, amount))
                    return self._taken[-1]
            self._sleep(wait)

    def _wait(self, amount: float, now: float) -> float:
        """Seconds until enough of what was taken is a minute old."""
        while self._taken and self._taken[0].at + MINUTE <= now:
            self._taken.popleft()
        if self._limit is None:
            return 0
        excess = sum(taken.amount for taken in self._taken) + amount - self._limit
        for taken in self._taken:
            if excess <= 0:
                break
            excess -= taken.amount
            last = taken.at + MINUTE - now
            if excess <= 0:
                return last
        return 0 if excess <= 0 or not self._taken else self._taken[-1].at + MINUTE - now
