"""How fast a run goes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Clock:
    """Samples a second, and the time spent waiting for data, since the last `take`; pauses do not count."""

    def __init__(self) -> None:
        self.samples = 0
        self._waited = 0.0
        self._since = time.perf_counter()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Count a block as waiting for data."""
        start = time.perf_counter()
        yield
        self._waited += time.perf_counter() - start

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave a block out of the count."""
        start = time.perf_counter()
        yield
        self._since += time.perf_counter() - start

    def take(self) -> dict[str, float]:
        """Figures since the last call."""
        now = time.perf_counter()
        figures = {"samples_per_second": self.samples / (now - self._since), "data_wait_seconds": self._waited}
        self.samples, self._waited, self._since = 0, 0.0, now
        return figures
