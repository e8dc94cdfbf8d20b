"""Samples on disk: exact, resumable, whole."""

import json
import resource
from pathlib import Path

import av
import numpy as np
import pytest

from vera.data import LayeredSample
from vera.data.writer import write_samples
from vera.errors import VeraError


def make(index: int) -> LayeredSample:
    rng = np.random.default_rng(index)
    pictures = rng.integers(0, 256, (3, 5, 16, 24, 3), dtype=np.uint8)
    mask = rng.integers(0, 2, (5, 16, 24), dtype=np.uint8) * np.uint8(255) if index % 2 else None
    alpha = rng.integers(0, 256, (5, 16, 24), dtype=np.uint8)
    return LayeredSample(*pictures[:2], alpha, pictures[2], mask, f"füge {index} hinzu", "obj_add")


def decode(path: Path, layout: str) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format=layout) for frame in container.decode(video=0)])


def test_clips_are_exact_and_the_index_names_them(tmp_path: Path) -> None:
    assert write_samples(make, 2, 7, tmp_path) == 2
    records = [json.loads(line) for line in (tmp_path / "samples.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [record["index"] for record in records] == [0, 1]
    for record in records:
        sample = make(record["index"])
        assert record["instruction"] == sample.instruction
        assert (record["frames"], record["height"], record["width"]) == sample.alpha.shape
        for name, frames in (("input", sample.source), ("edit", sample.edit), ("composite", sample.composite)):
            np.testing.assert_array_equal(decode(tmp_path / record[name], "rgb24"), frames)
        np.testing.assert_array_equal(decode(tmp_path / record["alpha"], "gray"), sample.alpha)
    assert records[0]["mask"] is None
    np.testing.assert_array_equal(decode(tmp_path / records[1]["mask"], "gray"), make(1).mask)


def test_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    def stop_at_two(index: int) -> LayeredSample:
        if index == 2:
            raise KeyboardInterrupt
        return make(index)

    with pytest.raises(KeyboardInterrupt):
        write_samples(stop_at_two, 4, 7, tmp_path)
    with (tmp_path / "samples.jsonl").open("a") as lines:
        lines.write('{"index": 2, "se')  # killed while it wrote the line
    made: list[int] = []

    def count(index: int) -> LayeredSample:
        made.append(index)
        return make(index)

    assert write_samples(count, 4, 7, tmp_path) == 2
    assert made == [2, 3]
    lines_text = (tmp_path / "samples.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["index"] for line in lines_text] == [0, 1, 2, 3]
    assert not list(tmp_path.glob("*.part"))


def test_another_seed_is_refused(tmp_path: Path) -> None:
    write_samples(make, 1, 7, tmp_path)
    with pytest.raises(VeraError, match="seed 7, not 8"):
        write_samples(make, 1, 8, tmp_path)


def test_a_full_disk_is_told_and_leaves_no_sample(tmp_path: Path) -> None:
    old, limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, limit))
    try:
        with pytest.raises(VeraError, match="sample 0 cannot be written"):
            write_samples(make, 1, 7, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (old, limit))
    assert not (tmp_path / "000000").exists() and not (tmp_path / "samples.jsonl").exists()
    assert write_samples(make, 1, 7, tmp_path) == 1
