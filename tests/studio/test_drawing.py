"""The process that draws: limits of time and memory, its end with the server, and that the server lives on."""

import os
import time

import pytest

from vera.errors import VeraError
from vera.studio.drawing import Drawing


def own_pid() -> int:
    return os.getpid()


def refuse(what: str) -> None:
    raise VeraError(f"{what}: cannot be")


def hang() -> None:
    time.sleep(600)


def fill(count: int) -> int:
    return len(bytearray(count))


def die() -> None:
    os.kill(os.getpid(), 9)


@pytest.fixture
def drawing() -> Drawing:
    return Drawing(seconds=20, memory=4 << 30)


def test_it_is_one_process_and_another_than_ours(drawing: Drawing) -> None:
    assert drawing.call(own_pid) == drawing.call(own_pid) != os.getpid()
    with pytest.raises(VeraError, match="hat: cannot be"):
        drawing.call(refuse, "hat")
    drawing.close()


@pytest.mark.faults
def test_what_kills_it_is_told_and_the_next_call_has_a_new_one(drawing: Drawing) -> None:
    first = drawing.call(own_pid)
    with pytest.raises(VeraError, match="more memory"):
        drawing.call(die)
    assert drawing.call(own_pid) != first
    with pytest.raises(VeraError, match="more memory"):
        drawing.call(fill, 5 << 30)
    assert drawing.call(fill, 1 << 20) == 1 << 20
    drawing.close()


@pytest.mark.faults
def test_what_takes_too_long_is_ended() -> None:
    drawing = Drawing(seconds=3)
    pid = drawing.call(own_pid)
    with pytest.raises(VeraError, match="took more than 3 s"):
        drawing.call(hang)
    with pytest.raises(ProcessLookupError):
        for _ in range(100):
            os.kill(pid, 0)
            time.sleep(0.05)
    assert drawing.call(own_pid) != pid
    drawing.close()
