"""Layers and exports are transactions: a process killed anywhere leaves the former folder or the new one, whole."""

import os
import signal
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.clips import make_clip
from tests.forks import SERVER

from vera.layers import LayeredEdit, save_layers
from vera.layers.export import export_layers

CALLS = ("open", "rename", "replace", "mkdir", "rmdir", "unlink", "fsync")  # name, make, remove or sync a file
FOLDERS = ("layers", "out/png")


def write(home: Path, seed: int, last: int | None = None) -> None:
    """Save layers and export them; with `last` the process is killed at that one of its `CALLS`."""
    if last is not None:
        left = iter(range(last - 1, -1, -1))
        for name in CALLS:
            setattr(os, name, counted(getattr(os, name), left))
    random = np.random.default_rng(seed)
    picture = random.integers(0, 256, (2, 8, 16, 3)).astype(np.uint8)
    alpha = random.integers(0, 65536, (2, 8, 16)).astype(np.uint16)
    metadata = {"seed": seed, "source": {"name": "clip.mkv"}}
    save_layers(LayeredEdit(picture, alpha, (0, 40), Fraction(1, 1000), metadata), home / "layers")
    export_layers(home / "layers", "png", out=home / "out", start_frame=seed)
    os._exit(0)  # what comes after the work is not counted


def counted(real: Callable[..., Any], left: Iterator[int]) -> Callable[..., Any]:
    def call(*arguments: Any, **named: Any) -> Any:
        if next(left, 0) == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **named)

    return call


def exit_code(home: Path, seed: int, last: int | None = None) -> int | None:
    """Of `write` in a process of its own."""
    process = SERVER.Process(target=write, args=(home, seed, last))
    process.start()
    process.join()
    return process.exitcode


def state(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "mine.txt"]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def make(home: Path, seed: int) -> Path:
    """The clip, and its layers and export as a process that lives writes them."""
    home.mkdir()
    make_clip(home / "clip.mkv", 2, (16, 8))
    assert exit_code(home, seed) == 0
    return home


@pytest.mark.faults
def test_a_kill_leaves_whole_folders_and_every_other_file(tmp_path: Path) -> None:
    homes = {seed: make(tmp_path / f"whole-{seed}", seed) for seed in (1, 2)}
    whole = {seed: [state(home / name) for name in FOLDERS] for seed, home in homes.items()}
    home = make(tmp_path / "killed", 1)
    for name in FOLDERS:
        (home / name / "mine.txt").write_text("mine")
    kills = 0
    for last in range(1, 1000, 3):
        code = exit_code(home, 1 + kills % 2, last)
        if code == 0:
            break
        assert code == -signal.SIGKILL, code
        kills += 1
        for number, name in enumerate(FOLDERS):
            assert state(home / name) in ({}, whole[1][number], whole[2][number]), (last, name)
            former = (home / name).with_name(f".{Path(name).name}.vera-old")
            assert (home / name / "mine.txt").exists() or (former / "mine.txt").exists(), (last, name)
    assert kills >= 20
    assert exit_code(home, 2) == 0
    for number, name in enumerate(FOLDERS):
        assert state(home / name) == whole[2][number] and (home / name / "mine.txt").read_text() == "mine"
    assert sorted(path.name for path in home.iterdir()) == ["clip.mkv", "layers", "out"]
    assert [path.name for path in (home / "out").iterdir()] == ["png"]
