"""Damaged footage on the command line: told with its times, worked on, and exit code 3."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from tests.clips import make_clip
from tests.video.decoding.test_damage import damage

from vera.cli import main
from vera.layers import LayeredEdit, save_layers
from vera.video import open_clip


def test_composite_of_a_damaged_clip(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    clip = make_clip(tmp_path / "a.mov", 12, codec="mjpeg", pix_fmt="yuvj420p")
    info = open_clip(clip)
    edit = np.full((12, 48, 64, 3), 200, np.uint8)
    alpha = np.zeros((12, 48, 64), np.uint16)
    alpha[:, 8:16, 8:16] = 65535
    save_layers(LayeredEdit(edit, alpha, info.pts, info.time_base), tmp_path / "layers")
    command = ["composite", str(clip), str(tmp_path / "layers"), "--out", str(tmp_path / "b.mkv")]
    assert main(command) == 0
    damage(clip, (5,))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as PYTHONWARNINGS=ignore does
        assert main(command) == 3
    err = capfd.readouterr().err
    lines = [line for line in err.splitlines() if "damaged" in line]
    assert len(lines) == 1 and "a.mov: 1 of its 12 frames is damaged, at 0.200 s;" in lines[0]
    assert open_clip(tmp_path / "b.mkv").frame_count == 12
    assert main(["verify", str(clip), str(tmp_path / "b.mkv"), str(tmp_path / "layers")]) == 3
    assert "changed                  0" in capfd.readouterr().out


@pytest.mark.parametrize("name", ["edit", "edit a part", "masked", "layerize", "layerize onto"])
def test_who_reads_a_part_tells_of_it_too(tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str) -> None:
    whole, torn = (make_clip(tmp_path / f"{part}.mov", 12, codec="mjpeg", pix_fmt="yuvj420p") for part in ("a", "b"))
    damage(torn, (5,))
    edit = ["Add a red balloon", "--steps", "1", "--guidance", "1", "--size", "64x64", "--no-result"]
    command = {
        "edit": ["edit", str(torn), *edit],
        "edit a part": ["edit", str(torn), *edit, "--frames", "9"],
        "masked": ["edit", str(whole), *edit, "--mask", str(torn)],
        "layerize": ["layerize", str(whole), str(torn)],
        "layerize onto": ["layerize", str(torn), str(whole)],
    }[name]
    layers = "--out" if command[0] == "layerize" else "--layers"
    assert main([*command, layers, str(tmp_path / "layers")]) == 3
    lines = [line for line in capfd.readouterr().err.splitlines() if "damaged" in line]
    read = 9 if name == "edit a part" else 12
    assert f"b.mov: 1 of its {read} frames is damaged, at 0.200 s;" in lines[-1]
    assert len(lines) == 1 or (name == "layerize onto" and "at 0.200 s;" in lines[0])  # which compares a part first
