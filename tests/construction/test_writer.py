"""Samples on disk: exact, resumable, whole, and the same for any number of processes."""

import json
import resource
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.data.drawn_samples import open_broken, open_drawn

from vera.construction.writer import write_samples
from vera.data import LayeredSample
from vera.data.released.dataset import ReleasedLayers
from vera.errors import VeraError
from vera.video import read_lossless

ADD = "vera-train-set/5-frames/synthetic-obj-add.jsonl"


def rows(root: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (root / ADD).read_text(encoding="utf-8").splitlines()]


def test_clips_are_exact_and_the_rows_name_them(tmp_path: Path) -> None:
    assert write_samples(open_drawn, 2, 7, tmp_path) == 2
    assert [(row["number"], row["seed"]) for row in rows(tmp_path)] == [(0, 7), (1, 7)]
    for row in rows(tmp_path):
        sample = open_drawn()(row["number"])
        assert (row["edit_instruction"], row["edit_type"]) == (sample.instruction, "obj_add")
        for name, frames in (
            ("input_video_path", sample.source),
            ("edit_rgb_path", sample.edit),
            ("edit_alpha_path", sample.alpha),
            ("composite_path", sample.composite),
            ("mask_path", sample.mask),
        ):
            if frames is None:
                assert row[name] is None
            else:
                np.testing.assert_array_equal(read_lossless(tmp_path / str(row[name])), frames)


def test_what_is_written_is_read_as_the_released_data_set(tmp_path: Path) -> None:
    write_samples(open_drawn, 2, 7, tmp_path)
    source = ReleasedLayers(
        str(tmp_path), {"synthetic-obj-add": 1}, clip_frames=5, frames=5, size="32x16", fill="as_is", held_out_share=0
    )
    for key in source.draw(0, 2):
        sample = source.load(key)
        truth = open_drawn()(int(sample.instruction.split()[-1]))
        assert np.array_equal(sample.alpha, truth.alpha)


def test_a_stopped_run_goes_on(tmp_path: Path) -> None:
    def stop_at_two() -> Callable[[int], LayeredSample]:
        def make(number: int) -> LayeredSample:
            if number == 2:
                raise KeyboardInterrupt
            return open_drawn()(number)

        return make

    with pytest.raises(KeyboardInterrupt):
        write_samples(stop_at_two, 4, 7, tmp_path)
    with (tmp_path / ADD).open("a") as lines:
        lines.write('{"edit_instruction": "cut')  # as a kill leaves it
    assert write_samples(open_drawn, 4, 7, tmp_path) == 2
    assert write_samples(open_drawn, 4, 7, tmp_path) == 0
    assert [row["number"] for row in rows(tmp_path)] == [0, 1, 2, 3]


def test_many_processes_write_what_one_does(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    assert write_samples(open_drawn, 5, 7, one) == write_samples(open_drawn, 5, 7, two, workers=2) == 5
    assert (one / ADD).read_bytes() == (two / ADD).read_bytes()
    for path in one.rglob("*.mp4"):
        assert path.read_bytes() == (two / path.relative_to(one)).read_bytes()


def test_an_error_in_a_process_is_told(tmp_path: Path) -> None:
    with pytest.raises(VeraError, match="no assets"):
        write_samples(open_broken, 3, 7, tmp_path, workers=2)
    assert not list(tmp_path.rglob("*.mp4"))


def test_another_seed_is_refused(tmp_path: Path) -> None:
    write_samples(open_drawn, 1, 7, tmp_path)
    with pytest.raises(VeraError, match="seed 7, not 8"):
        write_samples(open_drawn, 1, 8, tmp_path)


def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    try:
        with pytest.raises(VeraError, match="sample 000000 cannot be written"):
            write_samples(open_drawn, 1, 7, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not (tmp_path / ADD).exists() and not list(tmp_path.rglob("*.mp4"))
    assert write_samples(open_drawn, 1, 7, tmp_path) == 1


@pytest.mark.faults
@pytest.mark.parametrize(("count", "workers", "words"), [(0, 1, "count"), (-1, 1, "count"), (1, 0, "workers")])
def test_less_than_one_is_refused(tmp_path: Path, count: int, workers: int, words: str) -> None:
    with pytest.raises(VeraError, match=f"{words} must be at least 1, not {min(count, workers)}"):
        write_samples(open_drawn, count, 0, tmp_path / "out", workers)
    assert not (tmp_path / "out").exists()
