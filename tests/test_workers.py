"""Jobs in processes: every result once, in order where asked, errors as they are, a killed process told."""

import os
import signal
import time
from pathlib import Path
from threading import Event

import pytest

from vera.errors import VeraError
from vera.whole import whole_file
from vera.workers import beside, share_out


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


def hears(number: int) -> bool:
    return signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


@pytest.mark.faults
def test_workers_hear_no_interruption_from_their_first_moment_on() -> None:
    """It reaches all of a terminal's group: one that was still starting printed its traceback."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    assert list(share_out(hears, [(1,), (2,)], 2)) == [False, False]
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before


def hold(folder: Path, number: int) -> None:
    """Begin to write a file, and be at it for very long; number 0 is done at once."""
    if number:
        with whole_file(folder / str(number)) as partial:
            (folder / f"{number}.begun").write_text(partial.name)
            time.sleep(60)


def wait_for_jobs(folder: Path, count: int) -> None:
    while len(list(folder.glob("*.begun"))) < count:
        time.sleep(0.01)


@pytest.mark.faults
@pytest.mark.parametrize("ordered", [False, True])
def test_an_interruption_unwinds_the_jobs_that_are_begun(ordered: bool, tmp_path: Path) -> None:
    def interrupt(ended: Event) -> None:
        wait_for_jobs(tmp_path, 2)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt), beside(interrupt):
        list(share_out(hold, [(tmp_path, number) for number in range(1, 9)], 2, ordered=ordered))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.begun", "2.begun"]


@pytest.mark.faults
@pytest.mark.parametrize("ordered", [False, True])
def test_jobs_whose_results_nobody_takes_are_unwound(ordered: bool, tmp_path: Path) -> None:
    results = share_out(hold, [(tmp_path, number) for number in range(9)], 2, ordered=ordered)
    next(results)
    wait_for_jobs(tmp_path, 2)
    results.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.begun", "2.begun"]
