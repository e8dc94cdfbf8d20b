"""Work on all cores: each item once, and an error where it is waited for."""

import subprocess
import sys
import threading

import pytest

from vera.errors import VeraError
from vera.layers.threads import on_all_cores


def test_each_item_is_done_once() -> None:
    done: list[int] = []
    on_all_cores(done.append, range(1000))
    assert sorted(done) == list(range(1000))
    on_all_cores(done.append, [])
    assert len(done) == 1000


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
