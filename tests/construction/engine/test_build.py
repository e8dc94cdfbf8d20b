"""The engine on toy stages: nothing lost, nothing twice, whatever changes, disappears or stops it."""

import errno
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
from tests.construction.toys import LOG, SLEEP, STAGES, Alone, Choose, Cut, Draw, Ship, finish, opened, tree

from vera.construction.engine.databases import Sqlite
from vera.construction.engine.index import Index
from vera.construction.engine.record import Layout, read_record
from vera.construction.engine.run import run_task, stage_bytes
from vera.construction.engine.stage import Done, Item, Kind, Plain, Rejected, Stage
from vera.construction.engine.state import Task
from vera.errors import VeraError

ROOT = Path(__file__).parents[3]
KILLS = 20
ROWS = "dataset/set/2-frames/toys.jsonl"


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(LOG, str(tmp_path / "log"))
    (tmp_path / "log").touch()
    return tmp_path / "log"


def runs(log: Path) -> Counter[str]:
    """How many runs of each stage began since it was asked last."""
    found = Counter(line.split()[-1] for line in log.read_text(encoding="utf-8").splitlines())
    log.write_text("", encoding="utf-8")
    return found


def make(root: Path, *paths: str, workers: int = 1, **more: object) -> None:
    with opened(root, *paths, **more) as build:
        finish(build, workers)


def test_each_stage_runs_once_and_never_again(tmp_path: Path, log: Path) -> None:
    make(tmp_path / "out", "3", "2")
    assert runs(log) == {"cut": 2, "draw": 5, "alone": 5, "choose": 5, "publish": 5}
    before = tree(tmp_path / "out")
    make(tmp_path / "out", "3", "2")
    assert not runs(log)
    assert tree(tmp_path / "out") == before
    assert len((tmp_path / "out/dataset/set/2-frames/toys.jsonl").read_text().splitlines()) == 5


def test_progress_counts_every_run(tmp_path: Path, log: Path) -> None:
    told: list[tuple[int, int]] = []
    with opened(tmp_path / "out", "3", "2", "broken") as build:
        finish(build, progress=lambda _, done, of: told.append((done, of)))
    assert told[-1] == (23, 23) and [done for done, _ in told] == list(range(1, 24))
    assert all(done <= of for done, of in told)


def test_processes_make_the_same_as_one(tmp_path: Path, log: Path) -> None:
    make(tmp_path / "one", "4")
    make(tmp_path / "two", "4", workers=2)
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def test_a_changed_parameter_runs_what_hangs_on_it_alone(tmp_path: Path, log: Path) -> None:
    make(tmp_path / "out", "2")
    runs(log)
    make(tmp_path / "out", "2", stages=(Cut(), Draw("again"), Alone(), Choose(), Ship()))
    assert runs(log) == {"draw": 2, "alone": 2, "choose": 2, "publish": 2}
    make(tmp_path / "new", "2", stages=(Cut(), Draw("again"), Alone(), Choose(), Ship()))
    assert tree(tmp_path / "out") == tree(tmp_path / "new")


def test_an_object_does_not_hang_on_its_neighbours(tmp_path: Path, log: Path) -> None:
    with opened(tmp_path / "out", "1") as build:
        build.run()
        clip = next(iter(build.clips))
    runs(log)
    decided = {"by": "anna", "objects": [{"noun": "cat"}, {"noun": "dog"}]}
    make(tmp_path / "out", "1", decisions={(clip, "", "choose"): [decided]})
    assert runs(log) == {"choose": 1, "publish": 2}
    decided = {"by": "anna", "objects": [{"noun": "cat"}, {"noun": "fox"}]}
    make(tmp_path / "out", "1", decisions={(clip, "", "choose"): [decided]})
    assert runs(log) == {"choose": 1, "publish": 1}


def test_gates_wait_for_people(tmp_path: Path, log: Path) -> None:
    with opened(tmp_path / "out", "3", unattended=False) as build:
        finish(build)
        assert len(build.index.find("waiting", "choose")) == 3
        assert not build.index.find("done", "publish")
        clip = next(iter(build.clips))
    decisions = {(clip, "", "choose"): [{"by": "anna", "objects": [{"noun": "cat"}]}]}
    with opened(tmp_path / "out", "3", unattended=False, decisions=decisions) as build:
        finish(build)
        assert [task.unit for task in build.index.find("done", "publish")] == [clip]


def test_repeats_go_and_what_was_kept_stays(tmp_path: Path, log: Path) -> None:
    stages = (Cut(), Draw(), Alone("hash"), Choose(), Ship())
    make(tmp_path / "out", "4", stages=stages)
    assert runs(log)["publish"] == 2
    with opened(tmp_path / "out", "4", "4", stages=stages) as build:
        kept = {task.unit for task in build.index.find("done", "alone")} or {
            task.unit for task in build.index.find("blocked", "alone")
        }
        finish(build)
        published = {task.unit for task in build.index.find("done", "publish")}
    assert len(published) == 2 and published <= kept | set(build.clips)
    assert runs(log)["publish"] == 0  # the new footage repeats the old


@pytest.mark.parametrize("stages", [STAGES, (Cut(), Draw())], ids=["compared", "plain"])
@pytest.mark.parametrize("puts", range(16))
def test_what_another_build_left_that_was_killed_is_done(
    tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch, stages: tuple[Stage, ...], puts: int
) -> None:
    class Killed(BaseException):
        pass

    def run_another_until_killed(what: str, done: int, of: int) -> None:
        if done > 1:
            return
        with opened(tmp_path / "out", *paths, stages=stages) as other:
            put, left = other.index.put, iter(range(puts))

            def put_until_killed(unit: str, derive: Callable[[], list[Task]]) -> list[Task] | None:
                if next(left, None) is None:
                    raise Killed
                return put(unit, derive)

            monkeypatch.setattr(other.index, "put", put_until_killed)
            with suppress(Killed):
                other.run()

    paths = ["2", "2"]
    with opened(tmp_path / "out", *paths, stages=stages) as build:
        finish(build, progress=run_another_until_killed)
    make(tmp_path / "new", *paths, stages=stages)
    assert tree(tmp_path / "out") == tree(tmp_path / "new")


@pytest.mark.faults
def test_a_build_beside_one_that_splits_new_footage_keeps_what_was_kept_and_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, stages = tmp_path / "out", (Cut(), Draw(), Alone("hash"), Choose(), Ship())
    make(out, "4", stages=stages)
    with opened(out, "4", "2", stages=stages) as first, opened(out, "4", "2", stages=stages) as second:
        first.index.owner = "elsewhere:1:0"
        assert first.index.claim(range(5)).stage == "cut"  # type: ignore[union-attr]
        waited: list[float] = []

        def work_meanwhile(seconds: float) -> None:
            if not seconds or waited:  # a toy, or the first build
                return
            waited.append(seconds)
            assert len(second.index.find("done", "publish")) == 2
            first.index.free(own=True)
            first.run()

        monkeypatch.setattr("time.sleep", work_meanwhile)
        second.refresh()
        finish(second)
        assert waited and not second.index.find("ready")
        assert len(second.index.find("done", "publish")) == 2  # the new clips repeat the old
    make(tmp_path / "new", "4", "2", stages=stages)
    assert (out / ROWS).read_text() == (tmp_path / "new" / ROWS).read_text()


@pytest.mark.faults
def test_clips_that_another_build_split_off_are_put_though_they_are_known(tmp_path: Path) -> None:
    with opened(tmp_path / "out", "2") as build:
        task = build.index.claim([0])
        assert task is not None
        about = build.about(task)
        ran = run_task(tmp_path / "out", stage_bytes(STAGES), task, about)
        build._find_clips(build.sources)  # as when a clip is claimed that the other build has put
        build._follow(task, ran)
        assert len(build.index.find("ready", "draw")) == 2


@pytest.mark.faults
def test_what_another_build_did_meanwhile_is_not_done_again(tmp_path: Path, log: Path) -> None:
    with opened(tmp_path / "out", "2") as build:
        task = build.index.claim([0])
        assert task is not None
        one, other = (run_task(build.layout.root, stage_bytes(STAGES), task, build.about(task)) for _ in range(2))
    assert one.entry == other.entry and runs(log) == {"cut": 1}


@dataclass(frozen=True)
class Long(Cut):
    """Takes longer than a lease, after which another build looks whether the lease ran out."""

    root: str = ""

    def run(self, item: Item) -> Done | Rejected:
        time.sleep(1.5)
        other = Index(Sqlite(Path(self.root) / "index.sqlite"))
        other.owner = "elsewhere:1:0"
        other.free()
        (item.cache.parent / "leased").write_text(" ".join(other.leased()))
        other.close()
        return super().run(item)


@pytest.mark.faults
def test_a_stage_in_the_builds_own_process_keeps_its_lease(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("index", "build"):
        monkeypatch.setattr(f"vera.construction.engine.{module}.LEASE", 1.0)
    with opened(tmp_path / "out", "1", stages=(Long(root=str(tmp_path / "out")), *STAGES[1:])) as build:
        build.run()
        assert (tmp_path / "out/leased").read_text() == build.sources[0].id


@pytest.mark.parametrize("workers", [1, 2])
def test_a_deleted_clip_is_made_anew(tmp_path: Path, log: Path, workers: int) -> None:
    make(tmp_path / "out", "3")
    before = tree(tmp_path / "out")
    victim = next((tmp_path / "out").glob("clips/*/*"))
    for path in victim.glob("*"):
        path.unlink() if path.is_file() else path.rmdir()
    victim.rmdir()
    make(tmp_path / "out", "3", workers=workers)
    assert tree(tmp_path / "out") == before


def test_a_file_that_goes_in_the_middle_is_made_anew(tmp_path: Path, log: Path) -> None:
    with opened(tmp_path / "out", "2", stages=STAGES[:3]) as build:
        build.run()
        next((tmp_path / "out").glob("clips/*/*/drawn.txt")).unlink()
    with opened(tmp_path / "out", "2") as build:  # the index is fresh; now another goes under its feet
        next((tmp_path / "out").glob("clips/*/*/drawn.txt")).unlink()
        finish(build)
    make(tmp_path / "new", "2")
    assert tree(tmp_path / "out") == tree(tmp_path / "new")


def test_a_bad_source_stops_no_other(tmp_path: Path, log: Path) -> None:
    with opened(tmp_path / "out", "broken", "2") as build:
        finish(build)
        (bad,) = build.index.find("rejected")
        assert (bad.reason, bad.detail) == ("unreadable", "broken: cannot be read")
        assert len(build.index.find("done", "publish")) == 2


def test_the_index_is_made_anew_from_the_records(tmp_path: Path, log: Path) -> None:
    make(tmp_path / "out", "3")
    runs(log)
    for path in (tmp_path / "out").glob("index.sqlite*"):
        path.unlink()
    with opened(tmp_path / "out", "3") as build:
        finish(build)
        assert len(build.index.find("done", "publish")) == 3
    assert not runs(log)


def test_a_limit_holds_back_and_loses_nothing(tmp_path: Path, log: Path) -> None:
    make(tmp_path / "out", "2", "2", limit=1)
    assert runs(log)["draw"] == 1
    make(tmp_path / "out", "2", "2")
    make(tmp_path / "out", "2", "2", limit=1)
    assert len((tmp_path / "out/dataset/set/2-frames/toys.jsonl").read_text().splitlines()) == 4


@dataclass(frozen=True)
class Faulty(Plain):
    """Fails until the file `mended` exists; with `kill` its process dies, with `full` the disk has no room."""

    name: ClassVar[str] = "draw"
    kind: ClassVar[Kind] = "clip"
    needs: ClassVar[tuple[str, ...]] = ("cut",)
    mended: str = ""
    how: str = "raise"

    def run(self, item: Item) -> Done | Rejected:
        (item.out / "drawn.txt").write_text("half")
        if not Path(self.mended).exists():
            if self.how == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            if self.how == "full":
                raise OSError(errno.ENOSPC, "No space left on device")
            raise RuntimeError("out of luck\nsecond line")
        (item.out / "drawn.txt").write_text("whole")
        return Done({"hash": 0})


@pytest.mark.parametrize("how", ["raise", "kill"])
def test_three_tries_and_a_reason(tmp_path: Path, log: Path, how: str) -> None:
    stages = (Cut(), Faulty(str(tmp_path / "mended"), how), Alone(), Choose(), Ship())
    with opened(tmp_path / "out", "1", stages=stages) as build:
        finish(build, workers=2)
        (failed,) = build.index.find("failed")
        entry = read_record(Layout(tmp_path / "out").record("clip", failed.unit)).stages["draw"]  # type: ignore[union-attr]
    assert entry.tries == 3 and not entry.files
    assert failed.detail.startswith({"raise": "RuntimeError: out of luck", "kill": "its process was killed"}[how])
    assert not list((tmp_path / "out").rglob("drawn.txt"))


@pytest.mark.parametrize("workers", [1, 2])
def test_a_full_disk_ends_the_build_and_costs_no_try(tmp_path: Path, log: Path, workers: int) -> None:
    stages = (Cut(), Faulty(str(tmp_path / "mended"), "full"), Alone(), Choose(), Ship())
    with pytest.raises(VeraError, match="No space left on device; free space"):
        make(tmp_path / "out", "2", stages=stages, workers=workers)
    assert not list((tmp_path / "out").rglob("drawn.txt"))
    (tmp_path / "mended").touch()
    make(tmp_path / "out", "2", stages=stages, workers=workers)
    assert [path.read_text() for path in (tmp_path / "out").rglob("drawn.txt")] == ["whole"] * 2


@pytest.mark.parametrize("paths", [["6"], ["2"] * 6])
def test_two_builds_of_one_folder_share_the_work(tmp_path: Path, paths: list[str]) -> None:
    environment = surroundings(tmp_path / "log", 0.05)
    both = [start(tmp_path / "out", environment, *paths) for _ in range(2)]
    assert [process.wait(120) for process in both] == [0, 0]
    began = Counter((tmp_path / "log").read_text().splitlines())
    assert set(began.values()) == {1}
    make(tmp_path / "new", *paths)
    assert tree(tmp_path / "out") == tree(tmp_path / "new")


@pytest.mark.slow
def test_twenty_kills_lose_nothing_and_repeat_only_what_ran(tmp_path: Path) -> None:
    environment, rng = surroundings(tmp_path / "log", 0.08), random.Random(0)
    (tmp_path / "log").touch()
    paths = ["20"] * 4
    for _ in range(KILLS):
        process = started_working(tmp_path, lambda: start(tmp_path / "out", environment, *paths))
        time.sleep(rng.uniform(0.0, 0.6))
        assert process.poll() is None
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert start(tmp_path / "out", environment, *paths).wait(300) == 0
    check_nothing_is_lost(tmp_path, paths, objects=80, repeats=KILLS * 2)


def started_working(folder: Path, begin: Callable[[], "subprocess.Popen[bytes]"]) -> "subprocess.Popen[bytes]":
    """Begin a build whose log is in a folder, and wait until it runs a stage."""
    size = (folder / "log").stat().st_size
    process = begin()
    while (folder / "log").stat().st_size == size:
        assert process.poll() is None
        time.sleep(0.01)
    return process


def check_nothing_is_lost(folder: Path, paths: list[str], objects: int, repeats: int) -> None:
    """Compare what stopped builds left in `out` with an unbroken one; at most so many runs were begun again."""
    began = Counter((folder / "log").read_text(encoding="utf-8").splitlines())
    make(folder / "new", *paths)
    assert tree(folder / "out") == tree(folder / "new")
    assert len(began) == len(paths) + objects * 4
    print(f"{sum(began.values()) - len(began)} of {len(began)} runs repeated")
    assert sum(began.values()) - len(began) <= repeats
    rows = (folder / "out/dataset/set/2-frames/toys.jsonl").read_text().splitlines()
    assert len(rows) == len(set(rows)) == objects


def surroundings(log: Path, sleep: float) -> dict[str, str]:
    return os.environ | {LOG: str(log), SLEEP: str(sleep), "PYTHONPATH": python_path()}


def python_path() -> str:
    """Where other processes find this project, its tests, and what this one was told of."""
    return os.pathsep.join(filter(None, [str(ROOT / "src"), str(ROOT), os.environ.get("PYTHONPATH")]))


def start(root: Path, environment: dict[str, str], *paths: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.construction.build_toys", "local", str(root), "2", *paths]
    return subprocess.Popen(command, env=environment, cwd=ROOT, start_new_session=True)
