"""Threads for work on one frame: OpenCV and numpy let go of the interpreter while they compute."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from typing import TypeVar

import cv2

Item = TypeVar("Item")


@cache
def _pool(process: int) -> ThreadPoolExecutor:
    """One thread for each core, shared by all of a process; work in it must not wait for other work in it.

    A forked process has the pool of its parent without the threads, and would wait for them for ever.
    """
    return ThreadPoolExecutor(cv2.getNumberOfCPUs())


def on_all_cores(work: Callable[[Item], object], items: Sequence[Item]) -> None:
    """`work(item)` for each item, in the threads of one pool; each thread takes the next one as it gets free.

    An error in one thread is raised when all threads have come to rest; items that were not begun are left out.
    """
    left = iter(items)

    def drain() -> None:
        try:
            for item in left:
                work(item)
        finally:
            for _ in left:  # there are some after an error only: the other threads are to stop, too
                pass

    pool = _pool(os.getpid())
    drains = [pool.submit(drain) for _ in range(cv2.getNumberOfCPUs())]
    wait(drains)
    for done in drains:
        done.result()
