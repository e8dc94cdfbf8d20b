"""Benchmarks in the layout of the released data: their cases, frames and preserved regions."""

import json
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.evaluation.benchmarks import RATE, make_benchmark, square, texture

from vera.errors import VeraError
from vera.evaluation.cases.benchmark import ClipCase, case_fingerprint, fingerprint, load_frames, read_benchmark
from vera.video import write_lossless


def rows_of(folder: Path, task: str) -> tuple[Path, list[dict[str, object]]]:
    path = folder / "vera-test-set" / task / "cases.jsonl"
    return path, [json.loads(line) for line in path.read_text().splitlines()]


def test_cases_with_true_layers(tmp_path: Path) -> None:
    background, addition = read_benchmark(str(make_benchmark(tmp_path)))
    assert (background.id, background.task, addition.id, addition.task) == (
        "one_0", "background_replace", "two_0", "obj_add",
    )  # fmt: skip
    assert addition.caption == "a balloon" and addition.instruction == "add a red balloon 1"
    frames = load_frames(addition)
    assert np.array_equal(frames.source, texture(1)) and frames.alpha is not None and frames.composite is not None
    assert np.array_equal(frames.alpha, square())
    assert np.array_equal(frames.preserved, square() == 0)
    assert np.array_equal(frames.composite[frames.preserved], frames.source[frames.preserved])


def test_published_rows_preserve_what_their_mask_shows(tmp_path: Path) -> None:
    background, addition = (load_frames(case) for case in read_benchmark(str(make_benchmark(tmp_path, truth=False))))
    assert background.alpha is None and np.array_equal(background.preserved, square() > 0)
    assert addition.preserved is None and addition.composite is None


def test_the_first_cases_of_each_task(tmp_path: Path) -> None:
    path = str(make_benchmark(tmp_path, ["a", "b", "c", "d"]))
    assert [case.id for case in read_benchmark(path, 2)] == ["a_0", "b_0", "c_0"]
    with pytest.raises(VeraError, match="count must be at least 1, not 0"):
        read_benchmark(path, 0)


def test_one_name_in_both_tasks_says_which(tmp_path: Path) -> None:
    make_benchmark(tmp_path, ["bär/1", "BÄR/1"])
    assert [case.id for case in read_benchmark(str(tmp_path))] == ["bg-change_bär-1_0", "obj-add_BÄR-1_0"]
    path, rows = rows_of(tmp_path, "obj-add")
    path.write_text("".join(json.dumps(row) + "\n" for row in rows * 2))
    with pytest.raises(VeraError, match="two rows have the ids obj-add_bär-1_0"):
        read_benchmark(str(tmp_path))


def test_clips_of_a_case_that_do_not_fit_are_named(tmp_path: Path) -> None:
    case = read_benchmark(str(make_benchmark(tmp_path)))[0]
    assert case.alpha is not None
    write_lossless(case.alpha, square(frames=9), RATE)
    with pytest.raises(VeraError, match=r"has 9 frames of 64x48, .* 10 frames of 64x48"):
        load_frames(case)


@pytest.mark.faults
@pytest.mark.parametrize("shape", [(9, 48, 64), (11, 48, 64), (10, 24, 32)])
def test_a_true_composite_that_does_not_fit_is_named(tmp_path: Path, shape: tuple[int, int, int]) -> None:
    case = read_benchmark(str(make_benchmark(tmp_path)))[0]
    assert case.composite is not None
    write_lossless(case.composite, texture(0, *shape), RATE)
    with pytest.raises(VeraError, match=rf"composite_path\.mkv: has {shape[0]} frames of {shape[2]}x{shape[1]}, "):
        load_frames(case)


def test_a_fingerprint_is_of_words_and_bytes_wherever_they_lie(tmp_path: Path) -> None:
    one, other = (read_benchmark(str(make_benchmark(tmp_path / name))) for name in ("a", "b"))
    assert fingerprint(one) == fingerprint(other)
    write_lossless(other[1].source, texture(9), RATE)
    assert case_fingerprint(one[0]) == case_fingerprint(other[0])
    assert case_fingerprint(one[1]) != case_fingerprint(other[1])
    assert fingerprint(one) != fingerprint(other)


@pytest.mark.faults
@pytest.mark.parametrize("shape", [(9, 48, 64), (11, 48, 64), (10, 24, 32)])
def test_a_mask_that_does_not_fit_is_named(tmp_path: Path, shape: tuple[int, int, int]) -> None:
    """A longer one was cut without a word, one of another size stretched, and models refused both."""
    case = read_benchmark(str(make_benchmark(tmp_path, truth=False)))[0]
    write_lossless(tmp_path / "mask.mkv", np.full(shape, 255, np.uint8), RATE)
    with pytest.raises(VeraError, match=rf"mask\.mkv: (has {shape[0]} frames|is 32x24), the source "):
        load_frames(replace(case, mask=tmp_path / "mask.mkv"))


@pytest.mark.faults
def test_a_mask_of_labels_is_refused(tmp_path: Path) -> None:
    case = read_benchmark(str(make_benchmark(tmp_path, truth=False)))[0]
    Image.fromarray((square()[0] > 0) * np.uint8(2)).save(tmp_path / "labels.png")
    with pytest.raises(VeraError, match="nothing in it is white"):
        load_frames(replace(case, mask=tmp_path / "labels.png"))


@pytest.mark.faults
def test_a_clip_that_is_something_else_now_makes_another_case(tmp_path: Path) -> None:
    """A mask that is taken for a matte, say: what was measured by it does not count."""
    file = tmp_path / "a.mp4"
    file.write_bytes(b"a")
    kinds = ("mask", "alpha", "edit", "composite")
    chosen = [names for count in range(5) for names in combinations(kinds, count)]
    asked = {"id": "a", "task": "obj_add", "instruction": "Add a ball.", "source": file}
    found = {case_fingerprint(ClipCase(**asked, **dict.fromkeys(names, file))) for names in chosen}
    assert len(found) == len(chosen) == 16
