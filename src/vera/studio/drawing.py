"""A process beside the server that decodes and draws: what a stranger's file does to it, the server survives."""

import resource
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from threading import BoundedSemaphore, Lock
from typing import ParamSpec, TypeVar

from fastapi import HTTPException

from vera.errors import VeraError
from vera.files import files_below
from vera.workers import Pool, end_with_parent

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

MEMORY = 6 << 30  # bytes: a 16K frame and its layers fit, a bomb does not; threads' stacks count, of each 8 MB
SECONDS = 60.0  # that a picture, or the probe of a clip, may take, besides reading its file
RATE = 20e6  # bytes a second at which a slow disk reads
GLANCE = 0.05  # seconds after which a call that waits looks whether it is still wanted
MOST_WAITING = 12  # calls: of the server's 40 threads, so that others are left for all else


class Drawing:
    """One process, begun when it is first needed, that does one thing after the other; safe for threads.

    What takes longer than `seconds`, or more memory than `memory`, is ended, and the next call begins a new process.
    """

    def __init__(self, seconds: float = SECONDS, memory: int = MEMORY) -> None:
        self._seconds, self._memory = seconds, memory
        self._lock, self._room = Lock(), BoundedSemaphore(MOST_WAITING)
        self._pool: Pool | None = None
        self._turns: dict[Hashable, object] = {}

    def call(self, work: Callable[Parameters, Result], *args: Parameters.args, **options: Parameters.kwargs) -> Result:
        """Call a function of a module with values that can be pickled, there, and return what it returns.

        Of the first argument, if it is a path or has one, the file is given time to be read. Raises what the function
        raises, VeraError where it took too long or its process was lost, and HTTPException 503 where many calls wait.
        """
        seconds = self._seconds + _reading(args[0] if args else None)
        with self._place(), self._lock:  # its caches are of one clip; waiting here keeps the time of each call its own
            return self._call(seconds, partial(work, *args, **options))

    def newest(
        self,
        key: Hashable,
        work: Callable[Parameters, Result],
        *args: Parameters.args,
        **options: Parameters.kwargs,
    ) -> Result | None:
        """As `call`, for what is shown: of all calls with one key only the newest waits.

        None for a call that another one displaced before it was begun.
        """
        seconds = self._seconds + _reading(args[0] if args else None)
        self._turns[key] = turn = object()
        try:
            with self._place():
                while not self._lock.acquire(timeout=GLANCE):
                    if self._turns.get(key) is not turn:
                        return None
                try:
                    wanted = self._turns.get(key) is turn
                    return self._call(seconds, partial(work, *args, **options)) if wanted else None
                finally:
                    self._lock.release()
        finally:
            if self._turns.get(key) is turn:
                self._turns.pop(key, None)

    @contextmanager
    def _place(self) -> Iterator[None]:
        if not self._room.acquire(blocking=False):
            raise HTTPException(503, "the server draws other frames; ask again in a moment", {"Retry-After": "1"})
        try:
            yield
        finally:
            self._room.release()

    def _call(self, seconds: float, work: Callable[[], Result]) -> Result:
        if self._pool is None:
            self._pool = Pool(1, get_context("spawn"), _begin, (self._memory,))
        pool = self._pool
        try:
            return pool.submit(work).result(seconds)
        except TimeoutError:
            self._end()
            raise VeraError(f"this took more than {seconds:.0f} s and was stopped") from None
        except (BrokenProcessPool, MemoryError):
            self._end()
            raise VeraError("this took more memory than a picture may, or its decoder crashed") from None

    def close(self) -> None:
        """End the process, whatever it does."""
        self._end()

    def _end(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            for process in list((pool._processes or {}).values()):
                process.kill()
            pool.shutdown(wait=False, cancel_futures=True)


def _reading(first: object) -> float:
    """Seconds that a slow disk takes to read the footage that a call is about, twice."""
    path = first if isinstance(first, Path) else getattr(first, "path", None)
    if not isinstance(path, Path):
        return 0
    sizes = [file.stat().st_size for file in files_below(path) if file.is_file()]
    return 2 * sum(sizes) / RATE


def _begin(memory: int) -> None:
    # Of data, not of addresses: on a machine of many cores the allocator alone reserves more of these.
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    end_with_parent()
