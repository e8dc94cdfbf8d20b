"""Packed videos: what is in them, where, and what is refused."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from tests.evaluation.benchmarks import texture

from vera.errors import VeraError
from vera.evaluation.cases.views import read_frames
from vera.study.packing import BLOCK, TOP, check_alike, damage, pack, rows_apart, shown_size
from vera.video import open_clip, write_lossless

RATE = Fraction(10)
SIZE = (64, 44)


@pytest.fixture
def clips(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{name}.mkv" for name in ("source", "first", "second")]
    for number, path in enumerate(paths):
        write_lossless(path, texture(number, 6, SIZE[1], SIZE[0]), RATE)
    return paths


def unpacked(path: Path) -> list[np.ndarray]:
    return list(read_frames(path))


def far(one: np.ndarray, other: np.ndarray) -> float:
    """Mean difference of the channels' means: colours of such fine noise are halved by 4:2:0."""
    return float(np.abs(one.mean(-1) - other.mean(-1)).mean())


def test_three_pictures_stand_apart_and_hold_what_the_clips_show(clips: list[Path], tmp_path: Path) -> None:
    pack(*clips, tmp_path / "packed.mp4")
    width, height = shown_size(open_clip(clips[0]))
    rows = rows_apart(height)
    assert (width, height) == SIZE and rows % BLOCK == 0 and rows >= height + 2 * TOP
    frames = unpacked(tmp_path / "packed.mp4")
    assert len(frames) == 6 and frames[0].shape == (3 * rows, width, 3)
    for number in range(3):
        shown = np.stack(frames)[:, TOP + number * rows : TOP + number * rows + height]
        assert far(shown, texture(number, 6, SIZE[1], SIZE[0])) < 6


def test_equal_results_do_not_differ_at_their_edges(tmp_path: Path) -> None:
    """Pictures that touched were smoothed into each other, which a heat map showed as a difference."""
    bright, dark = texture(0, 4, 44, 64), texture(0, 4, 44, 64)
    dark[:, :3], bright[:, -3:] = 0, 255
    for name, clip in (("source", dark), ("first", dark), ("second", bright)):
        write_lossless(tmp_path / f"{name}.mkv", clip, RATE)
    pack(*(tmp_path / f"{name}.mkv" for name in ("source", "first", "second")), tmp_path / "packed.mp4")
    rows = rows_apart(44)
    for frame in unpacked(tmp_path / "packed.mp4"):
        source, first = (frame[TOP + n * rows : TOP + n * rows + 44].astype(int) for n in (0, 1))
        difference = np.abs(first - source).mean(axis=(1, 2))
        assert difference[[0, -1]].max() <= difference[5:-5].max() + 2


def test_times_are_the_sources(tmp_path: Path) -> None:
    for name in ("source", "first", "second"):
        write_lossless(tmp_path / f"{name}.mkv", texture(0, 5, 44, 64), Fraction(30000, 1001))
    pack(*(tmp_path / f"{name}.mkv" for name in ("source", "first", "second")), tmp_path / "packed.mp4")
    with av.open(str(tmp_path / "packed.mp4")) as container:
        times = [float(frame.pts * frame.time_base) for frame in container.decode(video=0) if frame.pts is not None]
    assert times == pytest.approx([n * 1001 / 30000 for n in range(5)], abs=1e-3)


def test_equal_clips_give_equal_bytes_without_a_name(clips: list[Path], tmp_path: Path) -> None:
    for name in ("a", "b"):
        pack(*clips, tmp_path / f"{name}.mp4")
    content = (tmp_path / "a.mp4").read_bytes()
    assert content == (tmp_path / "b.mp4").read_bytes()
    assert b"second" not in content and content.index(b"moov") < content.index(b"mdat")


@pytest.mark.parametrize(
    ("frames", "size", "rate"), [(5, SIZE, RATE), (6, (66, 44), RATE), (6, SIZE, Fraction(12))], ids=str
)
def test_other_length_size_and_rate_are_refused(
    clips: list[Path], tmp_path: Path, frames: int, size: tuple[int, int], rate: Fraction
) -> None:
    write_lossless(tmp_path / "other.mkv", texture(0, frames, size[1], size[0]), rate)
    with pytest.raises(VeraError, match="size, length and rate are those of the source"):
        check_alike(open_clip(clips[0]), open_clip(tmp_path / "other.mkv"))
    with pytest.raises(VeraError):
        pack(clips[0], clips[1], tmp_path / "other.mkv", tmp_path / "packed.mp4")
    assert not (tmp_path / "packed.mp4").exists()


def test_a_catch_is_unrecognisable(clips: list[Path], tmp_path: Path) -> None:
    pack(clips[0], clips[1], clips[1], tmp_path / "catch.mp4", damaged="second")
    rows, (width, height) = rows_apart(SIZE[1]), SIZE
    good, bad = (unpacked(tmp_path / "catch.mp4")[0][TOP + n * rows : TOP + n * rows + height] for n in (1, 2))
    expected = texture(1, 6, height, width)[0]
    assert far(good, expected) < 6 < 20 < far(bad, expected)
    assert damage(good).shape == good.shape
