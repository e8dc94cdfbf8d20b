"""Work on all cores: each item once, and an error where it is waited for."""

import subprocess
import sys
import threading
from collections.abc import Iterator

import cv2
import pytest

from vera.errors import VeraError
from vera.layers.threads import frames_at_once, on_all_cores


def test_each_item_is_done_once() -> None:
    done: list[int] = []
    on_all_cores(done.append, range(1000))
    assert sorted(done) == list(range(1000))
    on_all_cores(done.append, [])
    assert len(done) == 1000


@pytest.fixture(params=[1, 4])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    """OpenCV may use so many, whatever the machine has."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(request.param)
    yield request.param
    cv2.setNumThreads(before)


def test_results_have_the_order_of_the_items(threads: int) -> None:
    def work(item: int) -> tuple[int, int]:
        threading.Event().wait(0.001 * (item % 3))
        return item, threading.get_ident()

    found = on_all_cores(work, range(50))
    assert [item for item, _ in found] == list(range(50))
    assert threads > 1 or {thread for _, thread in found} == {threading.get_ident()}


@pytest.mark.parametrize("most", [0, 1, 3, 100])
def test_frames_come_in_order_and_so_many_are_worked_on_at_a_time(threads: int, most: int) -> None:
    lock, working, reached, asked = threading.Lock(), 0, 0, 0

    def frames() -> Iterator[tuple[int, str]]:
        nonlocal asked
        for asked in range(1, 31):
            yield asked, "frame"

    def work(number: int, what: str) -> str:
        nonlocal working, reached
        with lock:
            working += 1
            reached = max(reached, working)
        threading.Event().wait(0.002 * (number % 3))
        with lock:
            working -= 1
        return f"{what} {number}"

    at_once = max(1, min(threads, most))
    for number, result in enumerate(frames_at_once(work, frames(), most), 1):
        assert result == f"frame {number}"
        assert asked <= number + at_once  # no more are in memory
    assert number == 30 and 1 <= reached <= at_once


def test_an_error_of_a_frame_is_raised_in_its_place(threads: int) -> None:
    begun: list[int] = []

    def work(number: int) -> int:
        begun.append(number)
        if number == 3:
            raise VeraError("frame 3")
        return number

    results = frames_at_once(work, ((number,) for number in range(100)), 4)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(VeraError, match="frame 3"):
        next(results)
    assert len(begun) < 15


def test_an_error_in_a_thread_is_raised() -> None:
    def work(item: int) -> None:
        if item == 3:
            raise VeraError("item 3")

    with pytest.raises(VeraError, match="item 3"):
        on_all_cores(work, range(8))


def test_after_an_error_all_threads_rest() -> None:
    """So nothing is still written into what the caller has given up, and what was not begun is left out."""
    begun, done, busy = [], [], threading.Event()

    def work(item: int) -> None:
        begun.append(item)
        if item == 0:
            busy.wait(5)
            raise VeraError("item 0")
        busy.set()
        threading.Event().wait(0.2)
        done.append(item)

    with pytest.raises(VeraError, match="item 0"):
        on_all_cores(work, range(1000))
    assert sorted(done) == sorted(begun)[1:] and len(begun) < 500


FORKED = """
import os, threading, cv2
from vera.layers.threads import on_all_cores

cores = cv2.getNumberOfCPUs()
all_of_them = threading.Barrier(cores)
on_all_cores(lambda _: all_of_them.wait(), range(cores))
if (child := os.fork()) == 0:
    on_all_cores(str, range(100))
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.faults
def test_a_forked_process_has_threads_of_its_own() -> None:
    subprocess.run([sys.executable, "-c", FORKED], check=True, timeout=60)
