"""`vera export`."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from vera.cli import main
from vera.layers import LayeredEdit, save_layers
from vera.layers.export import TARGETS
from vera.video import open_clip


@pytest.fixture
def layers(make_clip: Callable[..., Path], tmp_path: Path) -> Path:
    info = open_clip(make_clip("a.mp4", frames=4))
    alpha = np.full((4, 16, 16), 30000, np.uint16)
    edit = np.full((4, 16, 16, 3), 200, np.uint8)
    save_layers(LayeredEdit(edit, alpha, info.pts, info.time_base, {"source": {"name": "a.mp4"}}), tmp_path / "layers")
    return tmp_path / "layers"


def test_one_folder_for_each_target(layers: Path, capsys: pytest.CaptureFixture[str]) -> None:
    targets = [word for name in TARGETS for word in ("--to", name)]
    assert main(["export", str(layers), *targets]) == 0
    assert {path.name for path in (layers / "export").iterdir()} == set(TARGETS)
    out = capsys.readouterr().out
    assert out.count("\n") == len(TARGETS) and str(layers / "export" / "psd") in out


def test_options(layers: Path, tmp_path: Path) -> None:
    source = (layers.parent / "a.mp4").rename(tmp_path / "moved.mp4")
    options = ["--source", str(source), "--out", str(tmp_path / "out"), "--start-frame", "1", "--light", "display"]
    assert main(["export", str(layers), "--to", "exr", "--to", "psd", "--frame", "4", *options]) == 0
    assert (tmp_path / "out" / "psd" / "moved_layers.0004.psd").is_file()
    assert '"light": "display"' in (tmp_path / "out" / "exr" / "export.json").read_text()


def test_adjustments_and_projects(layers: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    adjusted = ["--opacity", "0.5", "--offset", "-3,2", "--color", "-0.1/1/1", "--range", "1-"]
    assert main(["export", str(layers), "--to", "png", *adjusted]) == 0
    record = json.loads((layers / "export" / "png" / "export.json").read_text())
    assert record["adjustment"]["offset"] == [-3, 2] and record["frames"] == [1002, 1004]
    source, project = str(tmp_path / "a.mp4"), str(tmp_path / "project.json")
    arguments = ["composite", source, str(layers), "--out", str(tmp_path / "b.mp4"), "--project", project, *adjusted]
    assert main(arguments) == 0
    assert main(["export", project, "--to", "png"]) == 0
    again = json.loads((tmp_path / "export" / "01_layers" / "png" / "export.json").read_text())
    assert again["adjustment"] == record["adjustment"]
    capsys.readouterr()
    for wrong in (["--opacity", "2"], ["--blend", "burn"], ["--range", "9-2"]):
        assert main(["export", str(layers), "--to", "png", *wrong]) == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_bad_input_is_one_line(layers: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for argv in (
        [str(layers), "--to", "avid"],
        [str(layers)],
        [str(layers), "--to", "png", "--light", "dim"],
        [str(tmp_path), "--to", "png"],
        [str(layers), "--to", "png", "--source", str(tmp_path / "gone.mp4")],
    ):
        assert main(["export", *argv]) == 2
        assert capsys.readouterr().err.count("\n") == 1
    assert not (layers / "export").exists()


def test_an_unknown_target_is_told_all_that_there_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(tmp_path), "--to", "tape"]) == 2
    text = capsys.readouterr().err
    assert text.count("\n") == 1 and all(name in text for name in TARGETS)


def test_how_to_read_a_source_needs_the_source(layers: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(layers), "--to", "png", "--deinterlace"]) == 2
    assert "name it with --source" in capsys.readouterr().err
    assert main(["export", str(layers), "--to", "png", "--source", str(layers.parent / "a.mp4"), "--rate", "x"]) == 2
    assert "pictures a second" in capsys.readouterr().err
