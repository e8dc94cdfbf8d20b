"""From clips in the released layout, one of them torn, to a trained model: decoded on the fly, and through a cache."""

import json
from pathlib import Path

import numpy as np
import pytest
from tests.clips import cut
from tests.training.drawn import flow_fields, write_recipe

from vera.cli import main
from vera.data.released.writer import append_row, write_clips
from vera.data.sample import LayeredSample

SPLIT = "my-obj-add"


def write_clips_of(folder: Path, count: int) -> None:
    for index in range(count):
        rng = np.random.default_rng(index)
        source, edit = rng.integers(0, 256, (2, 5, 32, 32, 3), np.uint8)
        alpha = np.zeros((5, 32, 32), np.uint8)
        alpha[:, 8:24, 8:24] = 255
        composite = np.where(alpha[..., None] > 0, edit, source)
        sample = LayeredSample(source, edit, alpha, composite, 255 - alpha, f"add a red balloon {index}", "obj_add")
        append_row(write_clips(sample, folder, SPLIT, str(index)), folder, SPLIT, 5)


def test_from_clips_to_training(tmp_path: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_clips_of(tmp_path / "clips", 8)
    cut(tmp_path / "clips" / "vera-train-set" / "5-frames" / SPLIT / "3_edit_rgb.mp4", 0.5)
    released = {
        "kind": "released",
        "path": str(tmp_path / "clips"),
        "clip_frames": 5,
        "frames": 5,
        "size": "32x32",
        "held_out_share": 0.1,
    }
    fields = flow_fields(tiny_model) | {"steps": 4, "max_bad_share": 0.2}
    recipe = write_recipe(tmp_path, **fields, data=released)
    assert main(["data", "cache", str(recipe), "--out", str(tmp_path / "cache")]) == 0
    told = capsys.readouterr().out
    assert f"skipped  vera-train-set/5-frames/{SPLIT}.jsonl:4: " in told and "3_edit_rgb.mp4" in told
    for name, data in {"clips": released, "cached": {"kind": "shards", "path": str(tmp_path / "cache")}}.items():
        run = tmp_path / f"run-{name}"
        assert main(["train", str(write_recipe(tmp_path, **fields, data=data, output=str(run)))]) == 0
        rows = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
        assert [row["step"] for row in rows if "loss" in row] == [1, 2, 3, 4]
        skipped = [line for line in capsys.readouterr().out.splitlines() if line.startswith("skipped")]
        assert bool(skipped) == (name == "clips")  # a cache holds no torn sample
