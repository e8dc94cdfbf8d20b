"""Work shared out to processes, which end with the one that started them."""

import os
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from contextvars import ContextVar
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, TypeVar

from vera.errors import VeraError
from vera.fields import check_counts

if TYPE_CHECKING:
    from multiprocessing.sharedctypes import Synchronized

Result = TypeVar("Result")
_number: ContextVar[int] = ContextVar("number", default=0)
AHEAD = 3  # jobs that each process may be ahead of the first one whose result is not taken yet


def share_out(
    work: Callable[..., Result], jobs: Sequence[tuple[Any, ...]], workers: int, *, ordered: bool = False
) -> Generator[Result, None, None]:
    """Call `work` with the arguments of each job in `workers` processes; results come as they are ready, or in order.

    One worker is this process. Of more, `work` and the arguments must be picklable; whatever stops the iteration, no
    other jobs are begun. Those that are begun end at once if it is an interruption, or nobody asks for more results,
    and unwind as from one; else they are finished. VeraError if a process is killed.
    """
    check_counts(workers=workers)
    if min(workers, len(jobs)) <= 1:
        yield from (work(*job) for job in jobs)
        return
    # A forked process would inherit torch's thread pools and CUDA in a broken state.
    context = get_context("spawn")
    pool = Pool(min(workers, len(jobs)), context, _begin, (context.Value("i", 0),))
    begun = [(work, *job) for job in jobs]
    try:
        yield from in_order(pool, _work, begun, workers * AHEAD) if ordered else _as_ready(pool, _work, begun)
    except BrokenProcessPool:
        raise VeraError("a worker process was killed (out of memory?): use fewer workers, then go on") from None
    except (KeyboardInterrupt, GeneratorExit):  # what the workers are at may take hours, and would be thrown away
        for process in (pool._processes or {}).values():
            process.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


class Pool(ProcessPoolExecutor):
    """Processes that leave an interruption to their parent from their first moment on."""

    def submit(self, work: Callable[..., Result], /, *args: Any, **options: Any) -> "Future[Result]":
        """Begin a job, and a process for it where there are not as many yet."""
        with born_deaf():
            return super().submit(work, *args, **options)


@contextmanager
def born_deaf() -> Iterator[None]:
    """Have processes that the block starts hear no interruption, which is for their parent, not even as they begin."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _as_ready(
    pool: ProcessPoolExecutor, work: Callable[..., Result], jobs: Sequence[tuple[Any, ...]]
) -> Iterator[Result]:
    for future in as_completed([pool.submit(work, *job) for job in jobs]):
        yield future.result()


def in_order(
    pool: Executor, work: Callable[..., Result], jobs: Iterable[tuple[Any, ...]], ahead: int
) -> Iterator[Result]:
    """Results of jobs in their order, of which at most `ahead` are begun: they are taken as they are begun."""
    waiting: deque[Future[Result]] = deque()
    for job in jobs:
        waiting.append(pool.submit(work, *job))
        if len(waiting) == ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def own_number() -> int:
    """Say which of the processes of `share_out` this is, from 0 on; 0 if it is none."""
    return _number.get()


def _begin(started: "Synchronized[int]") -> None:
    with started.get_lock():
        _number.set(started.value)
        started.value += 1
    begin_worker()
    signal.signal(signal.SIGTERM, _end)


def _end(number: int, frame: object) -> None:
    signal.signal(number, signal.SIG_IGN)  # the cleaning up is not to be cut short
    raise SystemExit


def _work(work: Callable[..., Result], *job: Any) -> Result:
    """Do a job in a worker, which is to end when the job was unwound, and not to do those that wait for it."""
    try:
        return work(*job)
    except SystemExit:
        os._exit(1)


def begin_worker() -> None:
    """Begin a process that its parent ends: it ends when that is no more, and uses one core."""
    import cv2

    cv2.setNumThreads(1)
    end_with_parent()


def end_with_parent() -> None:
    """End this process, at once and whatever it waits for, when the one that started it is no more."""
    parent = parent_process()
    assert parent is not None

    def follow() -> None:
        wait([parent.sentinel])
        os._exit(1)

    Thread(target=follow, daemon=True).start()


@contextmanager
def beside(work: Callable[[Event], None]) -> Iterator[None]:
    """Run `work` in a thread meanwhile. It gets an event that is set when it is to end, and is waited for."""
    ended = Event()
    thread = Thread(target=work, args=(ended,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
