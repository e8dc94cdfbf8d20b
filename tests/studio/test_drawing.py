"""The process that draws: limits of time and memory, its end with the server, and that the server lives on."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fastapi import HTTPException

from vera.errors import VeraError
from vera.studio.drawing import MOST_WAITING, Drawing, _reading


def own_pid() -> int:
    return os.getpid()


def refuse(what: str) -> None:
    raise VeraError(f"{what}: cannot be")


def hang() -> None:
    time.sleep(600)


def rest(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def fill(count: int) -> int:
    return len(bytearray(count))


def die() -> None:
    os.kill(os.getpid(), 9)


@pytest.fixture
def drawing() -> Drawing:
    return Drawing(seconds=60, memory=4 << 30)


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
def test_many_calls_do_not_take_all_threads_of_the_server(drawing: Drawing) -> None:
    with ThreadPoolExecutor(40) as pool:
        calls = [pool.submit(drawing.call, time.sleep, 0.5) for _ in range(40)]
    refused = [call for call in calls if isinstance(call.exception(), HTTPException)]
    assert 40 - MOST_WAITING - 6 <= len(refused) <= 40 - MOST_WAITING
    assert drawing.call(own_pid) > 0
    drawing.close()


def test_a_large_file_is_given_time_to_be_read(tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.truncate(10**9)
    (tmp_path / "small").write_bytes(b"x")
    assert _reading(path) == pytest.approx(100) and _reading(tmp_path) > 99
    assert _reading(tmp_path / "small") < 0.001 and _reading(3) == 0


@pytest.mark.faults
def test_what_takes_too_long_is_ended(drawing: Drawing, monkeypatch: pytest.MonkeyPatch) -> None:
    pid = drawing.call(own_pid)
    monkeypatch.setattr(drawing, "_seconds", 1.0)  # not while its process starts: a busy machine takes longer
    with pytest.raises(VeraError, match="took more than 1 s"):
        drawing.call(hang)
    monkeypatch.undo()
    with pytest.raises(ProcessLookupError):
        for _ in range(2400):
            os.kill(pid, 0)
            time.sleep(0.05)
    assert drawing.call(own_pid) != pid
    drawing.close()


def test_only_the_newest_call_of_a_key_waits(drawing: Drawing) -> None:
    drawing.call(own_pid)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(drawing.newest, "a", rest, 1.0)
        time.sleep(0.2)
        displaced = [pool.submit(drawing.newest, "a", rest, 0.0) for _ in range(3)]
        time.sleep(0.2)
        newest, other = pool.submit(drawing.newest, "a", rest, 0.1), pool.submit(drawing.newest, "b", rest, 0.2)
        assert [one.result() for one in displaced] == [None] * 3
        assert not first.done()  # they did not wait for it
        assert (first.result(), newest.result(), other.result()) == (1.0, 0.1, 0.2)
    assert drawing._turns == {}
    drawing.close()
