"""Requests at once: threads that wait for an endpoint."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from vera.workers import in_order

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
    try:
        yield from in_order(pool, work, ((job,) for job in jobs), at_once)
    except BaseException:
        if stop is not None:
            stop()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
