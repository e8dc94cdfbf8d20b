"""Layers and exports are transactions: a process killed anywhere leaves the former folder or the new one, whole."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

# A process for each moment, forked from one that has imported everything and encoded nothing. Each is killed at its
# n-th call of what names, makes, removes or syncs a file.
SCRIPT = """
import os, signal, sys
from fractions import Fraction
from pathlib import Path
import numpy as np
from tests.clips import make_clip
from vera.layers import LayeredEdit, save_layers
from vera.layers.export import export_layers

CALLS = ("open", "rename", "replace", "mkdir", "rmdir", "unlink", "fsync")

def work(home, seed, last=0):
    if last:
        left = iter(range(last - 1, -1, -1))
        for name in CALLS:
            setattr(os, name, counted(getattr(os, name), left))
    random = np.random.default_rng(seed)
    picture = random.integers(0, 256, (2, 8, 16, 3)).astype(np.uint8)
    alpha = random.integers(0, 65536, (2, 8, 16)).astype(np.uint16)
    metadata = {"seed": seed, "source": {"name": "clip.mkv"}}
    save_layers(LayeredEdit(picture, alpha, (0, 40), Fraction(1, 1000), metadata), home / "layers")
    export_layers(home / "layers", "png", out=home / "out", start_frame=seed)

def counted(real, left):
    def call(*arguments, **named):
        if next(left, 0) == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **named)
    return call

def forked(function, *arguments):
    child = os.fork()
    if child == 0:
        code = 1
        try:
            function(*arguments)
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

def state(folder):
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "mine.txt"]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}

def make(home):
    home.mkdir()
    forked(make_clip, home / "clip.mkv", 2, (16, 8))
    return home

folders = ("layers", "out/png")
root = Path(sys.argv[1])
whole = [{}]
for seed in (1, 2):
    home = make(root / f"whole-{seed}")
    assert forked(work, home, seed) == 0
    whole.append([state(home / name) for name in folders])
home = make(root / "killed")
assert forked(work, home, 1) == 0
for name in folders:
    (home / name / "mine.txt").write_text("mine")
kills = 0
for last in range(1, 1000, 3):
    code = forked(work, home, 1 + kills % 2, last)
    if code == 0:
        break
    assert code == -signal.SIGKILL, code
    kills += 1
    for number, name in enumerate(folders):
        assert state(home / name) in ({}, whole[1][number], whole[2][number]), (last, name)
        former = (home / name).with_name(f".{Path(name).name}.vera-old")
        assert (home / name / "mine.txt").exists() or (former / "mine.txt").exists(), (last, name)
assert forked(work, home, 2) == 0
for number, name in enumerate(folders):
    assert state(home / name) == whole[2][number] and (home / name / "mine.txt").read_text() == "mine"
assert sorted(path.name for path in home.iterdir()) == ["clip.mkv", "layers", "out"]
assert [path.name for path in (home / "out").iterdir()] == ["png"]
print(kills)
"""


@pytest.mark.faults
def test_a_kill_leaves_whole_folders_and_every_other_file(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 20
