"""Threads for work on one frame: OpenCV and numpy let go of the interpreter while they compute."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

import cv2

Item = TypeVar("Item")


@cache
def pool() -> ThreadPoolExecutor:
    """One thread for each core, shared by all; work in it must not wait for other work in it."""
    return ThreadPoolExecutor(cv2.getNumberOfCPUs())


def on_all_cores(work: Callable[[Item], object], items: Iterable[Item]) -> None:
    """`work(item)` for each of a list or range, in the threads of `pool`; each takes the next one as it gets free."""
    left = iter(items)

    def drain() -> None:
        for item in left:
            work(item)

    for done in [pool().submit(drain) for _ in range(cv2.getNumberOfCPUs())]:
        done.result()
