"""The engine on Ray: the same bytes as on this machine's processes, and nothing lost to kills."""

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

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
