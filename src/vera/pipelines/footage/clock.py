"""Time spent by stage."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Clock:
    """Seconds spent in named stages, each of which may be entered several times."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a block as the stage `name`."""
        start = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start
