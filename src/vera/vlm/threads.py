"""Requests at once: threads that wait for an endpoint."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")


def in_threads(
    work: Callable[[Job], Result], jobs: Iterable[Job], at_once: int, stop: Callable[[], object] | None = None
) -> Iterator[Result]:
    """Call `work` with each job, `at_once` at a time; results come in the order of the jobs.

    Jobs are taken as they are begun, so that few are held at a time. Where the iteration stops or fails, `stop` is
    called, which should end waiting, and jobs that are begun are finished: what was asked is paid for.
    """
    pool = ThreadPoolExecutor(at_once, "vlm")
    waiting: deque[Future[Result]] = deque()
    try:
        for job in jobs:
            waiting.append(pool.submit(work, job))
            if len(waiting) >= at_once:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BaseException:
        if stop is not None:
            stop()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
