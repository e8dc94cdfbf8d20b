"""Clips as arrays: as a display shows them, the quick way where samples are RGB already."""

from pathlib import Path

import numpy as np
import pytest
from tests.conftest import ClipMaker
from tests.evaluation.benchmarks import RATE, square, texture

from vera.errors import VeraError
from vera.evaluation.cases.views import read_frames, read_grey
from vera.video import model_view, open_clip, write_lossless


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("size", [None, (32, 24)])
def test_frames_are_the_views_of_the_clip(tmp_path: Path, suffix: str, size: tuple[int, int] | None) -> None:
    path = tmp_path / f"clip{suffix}"
    write_lossless(path, texture(), RATE)
    with open_clip(path).frames() as reader:
        views = np.stack([model_view(frame, *(size or (64, 48))) for frame in reader])
    assert np.array_equal(read_frames(path, size), views)
    if size is None:
        assert np.array_equal(views, texture())


def test_footage_is_read_by_its_tags(make_clip: ClipMaker) -> None:
    path = make_clip("clip.mp4")
    with open_clip(path).frames() as reader:
        assert np.array_equal(read_frames(path), np.stack([model_view(frame, 32, 32) for frame in reader]))


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_mattes_come_back_exactly(tmp_path: Path, suffix: str) -> None:
    alpha = (texture()[..., 0] // 2 + square() // 2).astype(np.uint8)
    write_lossless(tmp_path / f"alpha{suffix}", alpha, RATE)
    write_lossless(tmp_path / "like.mkv", texture(), RATE)
    assert np.array_equal(read_grey(tmp_path / f"alpha{suffix}", open_clip(tmp_path / "like.mkv")), alpha)


def test_a_damaged_clip_is_refused(tmp_path: Path) -> None:
    write_lossless(tmp_path / "clip.mkv", texture(), RATE)
    content = bytearray((tmp_path / "clip.mkv").read_bytes())
    content[len(content) // 2 : len(content) // 2 + 40] = bytes(40)
    (tmp_path / "clip.mkv").write_bytes(bytes(content))
    with pytest.warns(UserWarning), pytest.raises(VeraError, match=r"clip\.mkv: is damaged at"):
        read_frames(tmp_path / "clip.mkv")
