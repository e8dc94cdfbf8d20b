"""A process beside the server that decodes and draws: what a stranger's file does to it, the server survives."""

import resource
import signal
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from threading import Lock
from typing import ParamSpec, TypeVar

from vera.errors import VeraError
from vera.workers import end_with_parent

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

MEMORY = 6 << 30  # bytes of addresses: a 16K frame and its layers fit, a bomb does not; 1 to 2 GB of it are libraries'
SECONDS = 60.0  # that a picture, or the probe of a clip, may take


class Drawing:
    """One process, begun when it is first needed, that does one thing after the other; safe for threads.

    What takes longer than `seconds`, or more memory than `memory`, is ended, and the next call begins a new process.
    """

    def __init__(self, seconds: float = SECONDS, memory: int = MEMORY) -> None:
        self._seconds, self._memory = seconds, memory
        self._lock = Lock()
        self._pool: ProcessPoolExecutor | None = None

    def call(self, work: Callable[Parameters, Result], *args: Parameters.args, **options: Parameters.kwargs) -> Result:
        """Call a function of a module with values that can be pickled, there, and return what it returns.

        Raises what it raises, and VeraError where it took too long or its process was lost.
        """
        with self._lock:  # its caches are of one clip; waiting here keeps the time of each call its own
            if self._pool is None:
                self._pool = ProcessPoolExecutor(1, get_context("spawn"), _begin, (self._memory,))
            pool = self._pool
            try:
                return pool.submit(work, *args, **options).result(self._seconds)
            except TimeoutError:
                self._end()
                raise VeraError(f"this took more than {self._seconds:g} s and was stopped") from None
            except (BrokenProcessPool, MemoryError):
                self._end()
                raise VeraError("this took more memory than a picture may, and was stopped") from None

    def close(self) -> None:
        """End the process, whatever it does."""
        self._end()

    def _end(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            for process in list((pool._processes or {}).values()):
                process.kill()
            pool.shutdown(wait=False, cancel_futures=True)


def _begin(memory: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server ends it
    end_with_parent()
