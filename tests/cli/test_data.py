"""`vera data synth` and `vera data render`."""

import functools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vera.cli import main
from vera.data import LayeredSample
from vera.data.synthesis import SyntheticLayers
from vera.data.synthesis.stages import Over


class Flat(SyntheticLayers):
    """In place of `SyntheticLayers`, which needs assets: clips of one grey."""

    @functools.wraps(SyntheticLayers.__init__)
    def __init__(self, seed: int, **arguments: Any) -> None:
        self.seed = seed
        self.arguments = arguments

    def sample(self, index: int, frames: int, width: int, height: int, over: Over = "scene") -> LayeredSample:
        grey = np.full((frames, height, width), self.seed + index, np.uint8)
        rgb = np.stack([grey] * 3, axis=-1)
        instruction = json.dumps(self.arguments)
        return LayeredSample(rgb, rgb, grey, rgb, None, instruction, "obj_add" if index % 2 else "background_replace")


def test_writes_the_released_layout_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("vera.data.synthesis.SyntheticLayers", Flat)
    argv = ["data", "synth", "--out", str(tmp_path), "--size", "32x16", "--frames", "5", "--renders", "some"]
    argv += ["--render-share", "1", "--held-out", "--count"]
    assert main([*argv, "1"]) == 0
    assert main([*argv, "3", "--assets", "elsewhere", "--workers", "1"]) == 0
    assert "(3, of them 2 new)" in capsys.readouterr().out
    folder = tmp_path / "vera-train-set" / "5-frames"
    changes = (folder / "synthetic-bg-change.jsonl").read_text().splitlines()
    additions = (folder / "synthetic-obj-add.jsonl").read_text().splitlines()
    assert [json.loads(line)["number"] for line in changes] == [0, 2]
    assert [json.loads(line)["number"] for line in additions] == [1]
    arguments = json.loads(json.loads(additions[0])["edit_instruction"])
    assert (arguments["renders"], arguments["render_share"], arguments["held_out"]) == ("some", 1.0, True)
    assert "octopus" in arguments["sprites"]
    assert main([*argv, "3", "--seed", "5"]) == 2
    assert "seed 0, not 5" in capsys.readouterr().err


@pytest.mark.faults
@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"--held-out": []}, "held_out"),
        ({"--size": ["48x16"]}, "size"),
        ({"--frames": ["9"]}, "frames"),
        ({"--objects": ["tiger"]}, "objects"),
        ({"--renders": ["some"], "--render-share": ["1"]}, "renders and render_share"),
    ],
)
def test_a_folder_of_samples_of_other_arguments_is_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    changed: dict[str, list[str]],
    named: str,
) -> None:
    monkeypatch.setattr("vera.data.synthesis.SyntheticLayers", Flat)

    def synth(count: int, options: dict[str, list[str]]) -> int:
        options = {"--out": [str(tmp_path)], "--size": ["32x16"], "--frames": ["5"], "--count": [str(count)]} | options
        return main(["data", "synth", *(word for name, values in options.items() for word in (name, *values))])

    assert synth(1, {}) == 0
    before = sorted(tmp_path.rglob("*"))
    assert synth(2, changed) == 2
    assert capsys.readouterr().err == f"vera: {tmp_path}: holds samples with another {named}: name another folder\n"
    assert sorted(tmp_path.rglob("*")) == before
    assert synth(2, {}) == 0


@pytest.mark.faults
def test_a_folder_of_samples_without_a_note_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vera.data.synthesis.SyntheticLayers", Flat)
    argv = ["data", "synth", "--out", str(tmp_path), "--size", "32x16", "--frames", "5", "--count"]
    assert main([*argv, "1"]) == 0
    (tmp_path / "synth.json").unlink()  # as an earlier version left it
    assert main([*argv, "2"]) == 0
    assert json.loads((tmp_path / "synth.json").read_text())["size"] == "32x16"


@pytest.mark.parametrize("workers", ["1", "2"])
def test_missing_assets(tmp_path: Path, capsys: pytest.CaptureFixture[str], workers: str) -> None:
    argv = ["data", "synth", "--out", str(tmp_path / "out"), "--count", "1", "--assets", str(tmp_path)]
    assert main([*argv, "--workers", workers]) == 2
    assert "make assets" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_rendering_without_mitsuba_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "mitsuba", None)
    argv = ["data", "render", "--out", str(tmp_path / "out"), "--count", "1", "--assets", str(tmp_path)]
    assert main(argv) == 2
    assert "vera-layers[render]" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.faults
@pytest.mark.parametrize(
    ("option", "words"),
    [
        (("--count", "-1"), "count must be at least 1, not -1"),
        (("--frames", "-3"), "frames is a multiple of 4, plus 1, not -3"),
        (("--frames", "4"), "frames is a multiple of 4, plus 1, not 4"),
        (("--seed", "-2"), "seed: is at least 0"),
        (("--render-share", "5"), "render_share: is at least 0 and at most 1, not 5"),
    ],
)
def test_numbers_out_of_range_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: tuple[str, str], words: str
) -> None:
    argv = ["data", "synth", "--out", str(tmp_path / "out"), "--count", "1"]
    argv = argv[:-2] if option[0] == "--count" else argv
    assert main([*argv, *option]) == 2
    told = capsys.readouterr().err
    assert words in told and told.count("\n") == 1 and not (tmp_path / "out").exists()
