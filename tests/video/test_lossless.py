"""Clips on disk that read like arrays: any frame, in any order, one at a time."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vera.errors import VeraError
from vera.video import LosslessClip, LosslessWriter, open_clip, read_lossless, write_lossless


def noise(dtype: type, channels: int, frames: int = 7, seed: int = 0) -> np.ndarray:
    shape = (frames, 10, 14) + ((3,) if channels == 3 else ())
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max + 1, shape).astype(dtype)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("rate", [Fraction(25), Fraction(30000, 1001), Fraction(120)])
def test_any_order_gives_the_array(dtype: type, channels: int, rate: Fraction, tmp_path: Path) -> None:
    clip = noise(dtype, channels)
    write_lossless(tmp_path / "clip.mkv", clip, rate)
    lazy = LosslessClip(tmp_path / "clip.mkv")
    assert (lazy.shape, lazy.dtype, len(lazy)) == (clip.shape, clip.dtype, len(clip))
    assert np.array_equal(lazy, clip) and np.array_equal(read_lossless(tmp_path / "clip.mkv"), clip)

    @settings(max_examples=20, deadline=None)
    @given(st.lists(st.integers(0, len(clip) - 1), max_size=9))
    def check(order: list[int]) -> None:
        assert all(np.array_equal(lazy[index], clip[index]) for index in order)

    check()
    with pytest.raises(IndexError, match="no frame 7"):
        lazy[7]


def test_files_whose_frames_build_on_each_other(tmp_path: Path) -> None:
    """As FFV1 is written without `g`, and layer folders once were."""
    clip = noise(np.uint8, 1, frames=30)
    with av.open(str(tmp_path / "clip.mkv"), "w") as container:
        stream: Any = container.add_stream("ffv1", rate=25, options={"level": "3"})
        stream.width, stream.height, stream.pix_fmt = 14, 10, "gray"
        for picture in clip:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "gray")))
        container.mux(stream.encode(None))
    lazy = LosslessClip(tmp_path / "clip.mkv")
    for index in (0, 1, 2, 7, 3, 29, 28, 13, 12, 11, 0, 20):
        assert np.array_equal(lazy[index], clip[index])


def test_one_picture_at_a_time_gives_the_same_file(tmp_path: Path) -> None:
    clip = noise(np.uint16, 3)
    write_lossless(tmp_path / "clip.mkv", clip)
    with LosslessWriter(tmp_path / "steps.mkv") as writer:
        for picture in clip:
            writer.write(picture)
    assert (tmp_path / "steps.mkv").read_bytes() == (tmp_path / "clip.mkv").read_bytes()


def test_what_was_read_can_be_written_to(tmp_path: Path) -> None:
    clip = noise(np.uint8, 1)
    write_lossless(tmp_path / "clip.mkv", clip)
    lazy = LosslessClip(tmp_path / "clip.mkv")
    lazy[0][...] = 0
    assert np.array_equal(lazy[0], clip[0])


def test_a_damaged_frame_is_told_and_the_others_are_read(tmp_path: Path) -> None:
    clip = noise(np.uint8, 3)
    path = tmp_path / "clip.mkv"
    write_lossless(path, clip)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 40] = bytes(40)
    path.write_bytes(data)
    lazy = LosslessClip(path)
    broken = []
    for index in range(len(clip)):
        try:
            assert np.array_equal(lazy[index], clip[index])
        except VeraError:
            broken.append(index)
    assert len(broken) == 1  # FFmpeg itself fills such a frame from the one before and says nothing


def test_a_file_cut_short_is_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "clip.mkv"
    write_lossless(path, noise(np.uint8, 3))
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(VeraError, match="damaged"):
        LosslessClip(path)
    path.unlink()
    with pytest.raises(VeraError, match="missing"):
        LosslessClip(path)


def test_layers_files_come_back(tmp_path: Path) -> None:
    clip = np.random.default_rng(0).integers(0, 256, (3, 16, 16), np.uint8)
    write_lossless(tmp_path / "alpha.mkv", clip)
    info = open_clip(tmp_path / "alpha.mkv")
    assert (info.pix_fmt, info.frame_count, (info.width, info.height)) == ("gray", 3, (16, 16))


@pytest.mark.faults
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_row_or_a_column_of_pixels(size: tuple[int, int], dtype: type, tmp_path: Path) -> None:
    for shape in (size, (*size, 3)):
        clip = np.arange(2 * np.prod(shape)).reshape(2, *shape).astype(dtype)
        write_lossless(tmp_path / "a.mkv", clip)
        np.testing.assert_array_equal(np.asarray(LosslessClip(tmp_path / "a.mkv")), clip)
