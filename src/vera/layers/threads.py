"""Threads for work on frames: OpenCV and numpy let go of the interpreter while they compute."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from typing import Any, TypeVar

import cv2

from vera.workers import in_order

Item = TypeVar("Item")
Result = TypeVar("Result")


@cache
def _pool(process: int) -> ThreadPoolExecutor:
    """One thread for each core, shared by all of a process; work in it must not wait for other work in it.

    A forked process has the pool of its parent without the threads, and would wait for them for ever.
    """
    return ThreadPoolExecutor(cv2.getNumberOfCPUs())


def on_all_cores(work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """`work(item)` of each item, in the threads of one pool, as many as OpenCV may use: each takes the next one as it
    gets free.

    An error in one thread is raised when all threads have come to rest; items that were not begun are left out.
    """
    threads = min(cv2.getNumThreads(), len(items))
    if threads < 2:
        return [work(item) for item in items]
    left, results = iter(enumerate(items)), dict[int, Result]()

    def drain() -> None:
        try:
            for place, item in left:
                results[place] = work(item)
        finally:
            for _ in left:  # there are some after an error only: the other threads are to stop, too
                pass

    pool = _pool(os.getpid())
    drains = [pool.submit(drain) for _ in range(threads)]
    wait(drains)
    for done in drains:
        done.result()
    return [results[place] for place in range(len(items))]


def frames_at_once(work: Callable[..., Result], frames: Iterable[tuple[Any, ...]], most: int) -> Iterator[Result]:
    """`work(*frame)` of each frame, in order, at most `most` of them at a time and no more than OpenCV may use threads.

    Frames are asked for as there is room for them, in this thread. They may use `on_all_cores`.
    """
    threads = min(cv2.getNumThreads(), most)
    if threads < 2:
        yield from (work(*frame) for frame in frames)
        return
    pool = ThreadPoolExecutor(threads)
    try:
        yield from in_order(pool, work, frames, threads + 1)
    finally:
        pool.shutdown(cancel_futures=True)
