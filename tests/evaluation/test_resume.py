"""Records in a file: shared out to processes, done once, whole after a kill."""

from pathlib import Path

import pytest
from tests.evaluation.echo import echo

from vera.evaluation.record import Record
from vera.evaluation.resume import RECORDS, Job, collect, read_records


def jobs(*cases: int) -> list[Job]:
    return [(case, "model", (case, "model")) for case in cases]


@pytest.mark.parametrize("workers", [1, 2])
def test_every_job_has_its_record_in_order(tmp_path: Path, workers: int) -> None:
    seen: list[tuple[int, int]] = []
    records = collect(tmp_path, jobs(3, 1, 2), echo, workers, lambda stage, done, total: seen.append((done, total)))
    assert records == [Record(case, "obj_add", "model", {"value": case / 2}) for case in (1, 2, 3)]
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert sorted(read_records(tmp_path), key=lambda record: record.case) == records


def test_what_is_there_is_not_done_again(tmp_path: Path) -> None:
    first = collect(tmp_path, jobs(1, 2), echo, 1)

    def once(case: int, candidate: str) -> Record:
        assert case == 5
        return echo(case, candidate)

    seen: list[int] = []
    again = collect(tmp_path, jobs(1, 2, 5), once, 1, lambda stage, done, total: seen.append(done))
    assert again[:2] == first and again[2].case == 5
    assert seen == [3]
    assert collect(tmp_path, jobs(2), once, 1) == first[1:]


@pytest.mark.parametrize("workers", [1, 2])
def test_what_was_done_before_a_failure_stays(tmp_path: Path, workers: int) -> None:
    collect(tmp_path, jobs(1), echo, 1)
    with pytest.raises(ValueError, match="no case -1"):
        collect(tmp_path, jobs(1, -1), echo, workers)
    assert [record.case for record in read_records(tmp_path)] == [1]


def test_a_line_that_a_kill_cut_short_is_dropped(tmp_path: Path) -> None:
    collect(tmp_path, jobs(1, 2), echo, 1)
    file = tmp_path / RECORDS
    whole = file.read_text()
    file.write_text(whole + whole[:20])
    assert [record.case for record in read_records(tmp_path)] == [1, 2]
    assert file.read_text() == whole
