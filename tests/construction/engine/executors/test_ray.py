"""The engine on Ray: the same bytes as on this machine's processes, and nothing lost to kills."""

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace
from unittest.mock import MagicMock

import psutil
import pytest
from tests.construction.engine.executors.test_local import OnGpu
from tests.construction.engine.test_build import (
    ROOT,
    Faulty,
    check_nothing_is_lost,
    python_path,
    started_working,
    surroundings,
)
from tests.construction.toys import Alone, Choose, Cut, Draw, Ship, finish, opened

from vera.construction.engine.executors.ray import RayActors
from vera.construction.engine.run import Ran
from vera.construction.engine.stage import Resources
from vera.errors import VeraError

KILLS = 3
WORKERS = 2


def start(root: Path, environment: dict[str, str], *paths: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.construction.build_toys", "ray", str(root), f"{WORKERS}", *paths]
    return subprocess.Popen(command, env=environment, cwd=ROOT, start_new_session=True)


def ray_processes() -> set[int]:
    """Ids of Ray's processes of any cluster on this machine."""
    found = set()
    for process in psutil.process_iter(["cmdline", "name"]):
        words = " ".join(process.info["cmdline"] or [])
        if "ray" in (process.info["name"] or "") or "/ray/" in words:
            found.add(process.pid)
    return found


def test_without_ray_a_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with opened(tmp_path / "out", "1") as build, pytest.raises(VeraError, match=r"pip install 'vera-layers\[ray\]'"):
        build.run(where="ray")


class Cluster(ModuleType):
    """What is used of Ray, with two cores and a GPU, where nothing is placed beyond them."""

    def __init__(self) -> None:
        super().__init__("ray")
        self.placed: dict[object, dict[str, float]] = {}
        self.init = self.put = self.shutdown = lambda *args, **named: None

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 2.0, "GPU": 1.0}

    def remote(self, actor: type) -> SimpleNamespace:
        return SimpleNamespace(options=lambda **takes: SimpleNamespace(remote=lambda: self.place(takes)))

    def place(self, takes: dict[str, float]) -> object:
        actor = MagicMock()  # each call gives another reference
        actor.run.remote.side_effect = lambda *given: object()
        self.placed[actor] = takes
        for kind, there in (("num_cpus", 2), ("num_gpus", 1)):
            assert sum(held[kind] for held in self.placed.values()) <= there + 1e-9
        return actor

    def kill(self, actor: object) -> None:
        del self.placed[actor]

    def wait(self, references: list[object], timeout: float) -> tuple[list[object], list[object]]:
        return references, []

    def get(self, reference: object) -> Ran:
        return Ran(None, 0.0)


@pytest.mark.faults
def test_no_actor_is_begun_for_which_the_cluster_has_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster()
    monkeypatch.setitem(sys.modules, "ray", cluster)
    monkeypatch.setattr("vera.construction.engine.executors.ray.get_context", lambda how: MagicMock())
    actors = RayActors(tmp_path, b"", 20)
    task, about = MagicMock(), MagicMock()

    def fill(resources: Resources) -> int:
        begun = 0
        while actors.takes(resources):
            actors.submit(task, about, resources)
            begun += 1
        return begun

    assert fill(Resources()) == 2 and fill(Resources(cpus=0.1)) == 0
    assert fill(Resources(gpus=1)) == 1  # beside them
    actors.ended(0)
    assert fill(Resources(cpus=0.1)) == 20  # in the place of those
    assert not actors.takes(Resources()) and actors.takes(Resources(gpus=1))
    actors.close()


@pytest.mark.slow
def test_more_workers_than_cores_end_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray")
    monkeypatch.setenv("PYTHONPATH", python_path())
    with opened(tmp_path / "out", "2", "2", "2", "2") as build:
        finish(build, (os.cpu_count() or 1) + 2, "ray")
        assert len(build.index.find("done", "publish")) == 8


@pytest.mark.slow
def test_ray_makes_the_same_bytes_and_three_kills_lose_nothing(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    environment, rng = surroundings(tmp_path / "log", 0.1), random.Random(0)
    (tmp_path / "log").touch()
    before = ray_processes()
    paths = ["10"] * 4
    for _ in range(KILLS):
        process = started_working(tmp_path, lambda: start(tmp_path / "out", environment, *paths))
        time.sleep(rng.uniform(0.3, 2))
        assert process.poll() is None
        os.kill(process.pid, signal.SIGKILL)  # the driver alone: its actors, and Ray's own processes, are not told
        process.wait()
    assert start(tmp_path / "out", environment, *paths).wait(300) == 0
    check_nothing_is_lost(tmp_path, paths, objects=40, repeats=KILLS * WORKERS)
    deadline = time.monotonic() + 120
    while (left := ray_processes() - before) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not left, [psutil.Process(pid).cmdline() for pid in left if psutil.pid_exists(pid)]


@dataclass(frozen=True)
class Unready(Draw):
    """Has no weights to load."""

    def setup(self) -> None:
        raise VeraError("model nowhere: cannot be loaded")


@pytest.mark.slow
def test_what_no_run_can_do_without_ends_the_build_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray")
    monkeypatch.setenv("PYTHONPATH", python_path())
    stages = (Cut(), Unready(), Alone(), Choose(), Ship())
    with opened(tmp_path / "out", "2", stages=stages) as build:
        with pytest.raises(VeraError) as error:
            finish(build, 1, "ray")
        assert str(error.value) == "model nowhere: cannot be loaded"
        assert len(build.index.find("ready", "draw")) == 2


@pytest.mark.slow
def test_a_cluster_without_gpus_is_told(tmp_path: Path) -> None:
    ray = pytest.importorskip("ray")
    stages = (Cut(), OnGpu(), Alone(), Choose(), Ship())
    with opened(tmp_path / "out", "2", stages=stages) as build, pytest.raises(VeraError, match="draw: its model wants"):
        finish(build, 1, "ray")
    assert not ray.is_initialized()


@pytest.mark.slow
def test_an_actor_that_dies_costs_a_try(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray")
    monkeypatch.setenv("PYTHONPATH", python_path())
    stages = (Cut(), Faulty(str(tmp_path / "mended"), "kill"), Alone(), Choose(), Ship())
    with opened(tmp_path / "out", "2", stages=stages) as build:
        finish(build, 1, "ray")
        failed = build.index.find("failed")
    assert [task.detail.split("(")[0] for task in failed] == ["its process was killed "] * 2
    assert not list((tmp_path / "out").rglob("drawn.txt"))
