"""Threads for work on one frame: OpenCV and numpy let go of the interpreter while they compute."""

from concurrent.futures import ThreadPoolExecutor
from functools import cache

import cv2


@cache
def pool() -> ThreadPoolExecutor:
    """One thread for each core, shared by all; work in it must not wait for other work in it."""
    return ThreadPoolExecutor(cv2.getNumberOfCPUs())
