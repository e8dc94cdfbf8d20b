"""What is published: built, unpacked elsewhere and used without the clone."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import vera

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the source package."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-d", folder], cwd=ROOT, check=True)
    return folder


def run(unpacked: Path, folder: Path, *arguments: str | Path) -> str:
    """What the command prints, with the package of the wheel and the dependencies of this environment."""
    command = [sys.executable, "-P", "-m", "vera", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(unpacked)}
    return subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True).stdout


def test_the_wheel_edits_a_clip_outside_of_the_clone(built: Path, tmp_path: Path, make_clip) -> None:
    unpacked = tmp_path / "site-packages"
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        wheel.extractall(unpacked)
    assert run(unpacked, tmp_path, "--version").strip() == vera.__version__
    assert str(unpacked) in run(unpacked, tmp_path, "doctor")
    clip = make_clip("clip.mp4")
    run(unpacked, tmp_path, "edit", clip, "add a red balloon", "--steps", "1", "--out", "out.mp4", "--layers", "layers")
    assert "changed" in run(unpacked, tmp_path, "verify", clip, "out.mp4", "layers")


def test_the_wheel_holds_the_package_alone(built: Path) -> None:
    names = zipfile.ZipFile(next(built.glob("*.whl"))).namelist()
    assert {name.split("/")[0] for name in names} == {"vera", f"vera_layers-{vera.__version__}.dist-info"}
    assert "vera/py.typed" in names and "vera/presets/nano/model_index.json" in names


def test_the_source_package_holds_what_is_tracked(built: Path) -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    with tarfile.open(next(built.glob("*.tar.gz"))) as package:
        held = {name.partition("/")[2] for name in package.getnames()}
    tracked = {name for name in listed.split("\0") if name}
    assert tracked - held <= {".gitignore"} and held - tracked <= {"PKG-INFO"}
