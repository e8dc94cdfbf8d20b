"""Processes of this machine: who runs what on which GPU."""

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.construction.toys import Alone, Choose, Cut, Draw, Ship, finish, opened, tree

from vera.construction.engine.executors import opening
from vera.construction.engine.executors.local import Processes
from vera.construction.engine.record import Layout, read_record
from vera.construction.engine.stage import Done, Item, Rejected, Resources
from vera.errors import VeraError


@dataclass(frozen=True)
class OnGpu(Draw):
    """Says on which GPU it ran."""

    @property
    def resources(self) -> Resources:
        return Resources(gpus=1)

    def run(self, item: Item) -> Done | Rejected:
        found = super().run(item)
        return Done({**found.facts, "gpu": os.environ["CUDA_VISIBLE_DEVICES"], "process": os.getpid()})


@dataclass(frozen=True)
class OffGpu(Ship):
    """Says that it saw none."""

    def run(self, item: Item) -> Done | Rejected:
        found = super().run(item)
        return Done({**found.facts, "gpu": os.environ["CUDA_VISIBLE_DEVICES"], "process": os.getpid()})


@pytest.mark.parametrize(("visible", "names"), [(None, {"0", "1"}), ("4,7", {"4", "7"})])
def test_each_gpu_has_a_process_that_runs_what_needs_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, visible: str | None, names: set[str]
) -> None:
    monkeypatch.setenv("VERA_TOY_SLEEP", "0.05")
    monkeypatch.setattr(opening, "_count_gpus", lambda: 2)
    if visible is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    with opened(tmp_path / "out", "8", stages=(Cut(), OnGpu(), Alone(), Choose(), OffGpu())) as build:
        finish(build, workers=2)
        assert len(build.index.find("done", "publish")) == 8
    seen: Counter[tuple[str, str]] = Counter()
    processes: dict[str, set[int]] = {"draw": set(), "publish": set()}
    for path in Layout(tmp_path / "out").records("clip"):
        record = read_record(path)
        assert record is not None
        for key, stage in (("draw", "draw"), ("o1/publish", "publish")):
            seen[stage, record.stages[key].facts["gpu"]] += 1
            processes[stage].add(record.stages[key].facts["process"])
    assert {gpu for stage, gpu in seen if stage == "draw"} == names
    assert {gpu for stage, gpu in seen if stage == "publish"} == {""}
    assert len(processes["draw"]) == 2 and not processes["draw"] & processes["publish"]


def test_without_a_gpu_nothing_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "_count_gpus", lambda: 0)
    stages = (Cut(), OnGpu(), Alone(), Choose(), Ship())
    with opened(tmp_path / "out", "1", stages=stages) as build, pytest.raises(VeraError, match="draw: its model wants"):
        build.run(2)
    assert not tree(tmp_path / "out")


def test_a_full_pool_takes_nothing(tmp_path: Path) -> None:
    pool = Processes(tmp_path, b"", 1, 0)
    try:
        assert pool.takes(Resources()) and not pool.takes(Resources(gpus=1))
    finally:
        pool.close()
