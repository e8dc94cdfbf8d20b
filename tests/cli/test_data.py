"""`vera data synth`."""

from pathlib import Path

import numpy as np
import pytest

from vera.cli import main
from vera.data import LayeredSample


class Flat:
    """In place of `SyntheticLayers`, which needs assets: clips of one grey."""

    def __init__(self, objects: tuple[str, ...], assets: str, seed: int) -> None:
        self.seed = seed

    def sample(self, index: int, frames: int, width: int, height: int) -> LayeredSample:
        grey = np.full((frames, height, width), self.seed + index, np.uint8)
        rgb = np.stack([grey] * 3, axis=-1)
        return LayeredSample(rgb, rgb, grey, rgb, None, "Add a ball", "obj_add")


def test_writes_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("vera.data.synthesis.SyntheticLayers", Flat)
    argv = ["data", "synth", "--out", str(tmp_path), "--size", "32x16", "--frames", "2", "--count"]
    assert main([*argv, "1"]) == 0
    assert main([*argv, "3"]) == 0
    assert "(3, of them 2 new)" in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["000000", "000001", "000002", "samples.jsonl"]
    assert main([*argv, "3", "--seed", "5"]) == 2
    assert "seed 0, not 5" in capsys.readouterr().err


def test_missing_assets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["data", "synth", "--out", str(tmp_path / "out"), "--count", "1", "--assets", str(tmp_path)]
    assert main(argv) == 2
    assert "make assets" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
