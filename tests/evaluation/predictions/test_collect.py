"""Records in a file: shared out to processes, done once, whole after a kill."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.evaluation.echo import echo

from vera.errors import VeraError
from vera.evaluation.predictions.collect import RECORDS, Job, collect, read_records
from vera.evaluation.predictions.record import Record


def jobs(*cases: int) -> list[Job]:
    return [Job(str(case), "model", f"key {case}", (case, "model")) for case in cases]


def record(case: int) -> Record:
    return Record(str(case), "obj_add", "model", {"value": case / 2}, {}, f"key {case}")


@pytest.mark.parametrize("workers", [1, 2])
def test_every_job_has_its_record_in_order(tmp_path: Path, workers: int) -> None:
    seen: list[tuple[int, int]] = []
    records = collect(tmp_path, jobs(3, 1, 2), echo, workers, lambda stage, done, total: seen.append((done, total)))
    assert records == [record(case) for case in (3, 1, 2)]
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert sorted(read_records(tmp_path), key=lambda found: found.case) == [record(case) for case in (1, 2, 3)]


def test_what_is_there_is_not_done_again(tmp_path: Path) -> None:
    first = collect(tmp_path, jobs(1, 2), echo, 1)

    def once(case: int, method: str) -> Record:
        assert case == 5
        return echo(case, method)

    seen: list[int] = []
    again = collect(tmp_path, jobs(1, 2, 5), once, 1, lambda stage, done, total: seen.append(done))
    assert again[:2] == first and again[2].case == "5"
    assert seen == [3]
    assert collect(tmp_path, jobs(2), once, 1) == first[1:]


def test_a_record_of_another_key_or_without_a_measure_is_made_anew(tmp_path: Path) -> None:
    made: list[str] = []

    def make(key: str, measures: dict[str, float]) -> Record:
        made.append(key)
        return Record("1", "obj_add", "model", measures, {"iou": "no layers"}, key)

    for key, measures in (("a", {"psnr": 1.0}), ("a", {"psnr": 2.0}), ("b", {"psnr": 3.0}), ("c", {}), ("c", {})):
        (found,) = collect(tmp_path, [Job("1", "model", key, (key, measures))], make, 1)
        assert found.key == key
    assert made == ["a", "b", "c", "c"]
    assert [found.measures for found in read_records(tmp_path)] == [{"psnr": 1.0}, {"psnr": 3.0}, {}], "no line twice"


@pytest.mark.parametrize("workers", [1, 2])
def test_what_was_done_before_a_failure_stays(tmp_path: Path, workers: int) -> None:
    collect(tmp_path, jobs(1), echo, 1)
    with pytest.raises(ValueError, match="no case -1"):
        collect(tmp_path, jobs(1, -1), echo, workers)
    assert [record.case for record in read_records(tmp_path)] == ["1"]


def test_a_line_that_a_kill_cut_short_is_dropped(tmp_path: Path) -> None:
    collect(tmp_path, jobs(1, 2), echo, 1)
    file = tmp_path / RECORDS
    whole = file.read_text()
    file.write_text(whole + whole[:20])
    assert [record.case for record in read_records(tmp_path)] == ["1", "2"]
    assert file.read_text() == whole


ROW = {"case": "1", "task": "obj_add", "method": "model", "measures": {}, "skipped": {}, "key": ""}
WRONG = [
    {"case": 1},
    {"skipped": {"iou": 1}},
    {"key": None},
    {"task": ["obj_add"]},
    {"measures": []},
    {"measures": {"iou": "high"}},
    {"more": 1},
]


@pytest.mark.faults
@pytest.mark.parametrize(
    "line", ["[]", "{}", "{", "[" * 10**5, "\x00", *(json.dumps(ROW | wrong) for wrong in WRONG)], ids=range(12)
)
def test_a_line_that_is_no_record_is_named(tmp_path: Path, line: str) -> None:
    collect(tmp_path, jobs(1), echo, 1)
    with (tmp_path / RECORDS).open("a") as file:
        file.write(line + "\n")
    with pytest.raises(VeraError, match=r"records\.jsonl:2: ") as caught:
        read_records(tmp_path)
    assert "\n" not in str(caught.value)


STUCK = """
import sys
from pathlib import Path
from tests.evaluation.echo import sleep
from vera.evaluation.predictions.collect import Job, collect
if __name__ == "__main__":
    folder = Path(sys.argv[1])
    jobs = [Job(str(case), "model", "", (folder / "seen",)) for case in range(2)]
    collect(folder, jobs, sleep, 2)
"""


def test_workers_do_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    (tmp_path / "seen").mkdir()
    script = tmp_path / "stuck.py"
    script.write_text(STUCK)
    path = os.pathsep.join([str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen([sys.executable, script, str(tmp_path)], env={**os.environ, "PYTHONPATH": path})
    seen = eventually(lambda: [int(path.name) for path in (tmp_path / "seen").iterdir()], lambda found: len(found) == 2)
    assert len(seen) == 2
    process.kill()
    process.wait()
    assert eventually(lambda: [pid for pid in seen if is_running(pid)], lambda found: not found) == []


def eventually(look: Callable[[], list[int]], enough: Callable[[list[int]], bool], seconds: float = 60) -> list[int]:
    end = time.monotonic() + seconds
    while not enough(found := look()) and time.monotonic() < end:
        time.sleep(0.05)
    return found


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # One that nobody has waited for is a zombie, where that can be told.
    state = Path(f"/proc/{pid}/stat")
    return not state.is_file() or state.read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0] != "Z"
