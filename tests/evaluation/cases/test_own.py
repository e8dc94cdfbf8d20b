"""A benchmark of held-out samples: what it holds, that training never draws it, and that it goes on."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.data.released.data_set import SIZE, made, opened, write

from vera.errors import DamageWarning, VeraError
from vera.evaluation.cases.benchmark import load_frames, read_benchmark
from vera.evaluation.cases.own import Own, write_own
from vera.video import read_lossless

SHARE = 0.4
SPLITS = ("realistic-set1-bg-change", "synthetic-obj-add")


@pytest.fixture
def dataset(tmp_path: Path) -> Own:
    for split in SPLITS:
        for index in range(8):
            write(tmp_path / "data", split, made(split, index), f"{index:06d}")
    return Own(str(tmp_path / "data"), clip_frames=9, frames=5, size=SIZE, held_out_share=SHARE)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_cases_are_the_samples_that_training_never_draws(dataset: Own, tmp_path: Path) -> None:
    root = Path(dataset.path)
    held_out = opened(root, frames=5, fill="edge", held_out=True, held_out_share=SHARE)
    count, keys = write_own(dataset, tmp_path / "own"), held_out.keys()
    cases = {case.instruction: case for case in read_benchmark(str(tmp_path / "own"))}
    assert count == len(cases) == len(keys) > 2
    for key in keys:
        sample = held_out.load(key)
        case = cases[sample.instruction]
        frames = load_frames(case)
        assert case.task == sample.task and (case.mask is None) == (sample.mask is None)
        np.testing.assert_array_equal(frames.source, sample.source)
        np.testing.assert_array_equal(frames.alpha, sample.alpha)
        np.testing.assert_array_equal(frames.composite, sample.composite)
        assert case.edit is not None
        np.testing.assert_array_equal(read_lossless(case.edit), sample.edit)
    trained = opened(root, frames=5, held_out_share=SHARE)
    drawn = {trained.load(key).instruction for key in trained.draw(0, 64)}
    assert drawn and not drawn & set(cases)


def test_a_stopped_one_goes_on_and_another_is_refused(
    dataset: Own, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_own(dataset, tmp_path / "whole")

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_own(dataset, tmp_path / "stopped", lambda _, done, __: stop() if done == 2 else None)
    write_own(dataset, tmp_path / "stopped")
    assert files(tmp_path / "stopped") == files(tmp_path / "whole")
    with pytest.raises(VeraError, match="holds a benchmark of held-out samples with another frames"):
        write_own(replace(dataset, frames=9), tmp_path / "whole")
    (tmp_path / "else").mkdir()
    (tmp_path / "else/thesis.txt").touch()
    with pytest.raises(VeraError, match="holds something else"):
        write_own(dataset, tmp_path / "else")


def test_what_cannot_be_used_is_left_out(dataset: Own, tmp_path: Path) -> None:
    held_out = opened(Path(dataset.path), frames=5, held_out=True, held_out_share=SHARE)
    row = held_out.rows[SPLITS[0]][0]
    (Path(dataset.path) / row.clips["alpha"]).write_bytes(b"no clip")  # type: ignore[union-attr]
    with pytest.warns(DamageWarning, match="skipped"):
        count = write_own(dataset, tmp_path / "own")
    assert count == len(held_out.keys()) - 1
    for path in (Path(dataset.path)).rglob("*.mp4"):
        path.write_bytes(b"no clip")
    with pytest.warns(DamageWarning), pytest.raises(VeraError, match="no held-out sample can be used"):
        write_own(dataset, tmp_path / "none")


def test_a_row_names_its_clips_beside_it(dataset: Own, tmp_path: Path) -> None:
    write_own(dataset, tmp_path / "own")
    for index in (tmp_path / "own/vera-test-set").rglob("cases.jsonl"):
        for line in index.read_text().splitlines():
            row = json.loads(line)
            assert (index.parent / row["input_path"]).is_file() and row["prompt"] and row["video_id"]
