"""Jobs in processes: every result once, in order where asked, errors as they are, a killed process told."""

import os
import signal
from pathlib import Path

import pytest

from vera.errors import VeraError
from vera.workers import share_out


def halve(number: int) -> float:
    if number < 0:
        raise ValueError(f"no number {number}")
    return number / 2


def die(number: int) -> None:
    if number == 2:
        os.kill(os.getpid(), signal.SIGKILL)


def note(folder: Path, number: int) -> int:
    (folder / str(number)).touch()
    return number


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_order_of_the_jobs(workers: int) -> None:
    numbers = [5, 3, 9, 1, 7, 2, 8]
    assert list(share_out(halve, [(n,) for n in numbers], workers, ordered=True)) == [n / 2 for n in numbers]


@pytest.mark.parametrize("workers", [1, 2])
def test_every_job_is_done_once(workers: int, tmp_path: Path) -> None:
    assert sorted(share_out(note, [(tmp_path, n) for n in range(9)], workers)) == list(range(9))
    assert len(list(tmp_path.iterdir())) == 9


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("ordered", [False, True])
def test_an_error_of_the_work_is_raised_as_it_is(workers: int, ordered: bool) -> None:
    with pytest.raises(ValueError, match="no number -1"):
        list(share_out(halve, [(1,), (-1,), (2,)], workers, ordered=ordered))


def test_no_work_needs_no_process() -> None:
    assert list(share_out(halve, [], 4)) == []


@pytest.mark.parametrize("ordered", [False, True])
def test_a_killed_process_is_one_line(ordered: bool) -> None:
    with pytest.raises(VeraError, match=r"was killed .*use fewer workers"):
        list(share_out(die, [(n,) for n in range(4)], 2, ordered=ordered))


@pytest.mark.faults
@pytest.mark.parametrize("workers", [0, -2])
def test_fewer_workers_than_one_are_refused(workers: int) -> None:
    with pytest.raises(VeraError, match=f"workers must be at least 1, not {workers}"):
        list(share_out(abs, [(1,)], workers))
