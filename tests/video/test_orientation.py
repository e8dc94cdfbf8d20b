"""The display matrix as a whole: mirrored, turned, at odd angles, skewed; kept by every master, and seen upright."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.clips import copy, make_clip, make_frame
from tests.executable import ffmpeg

from vera.errors import VeraError
from vera.video import FrameReader, model_view, open_clip, planes
from vera.video.orientation import Matrix, Orientation, nearest_orientation, same_matrix

pytestmark = pytest.mark.faults
ONE = 1 << 16
MIRRORED = (-ONE, 0, 0, 0, ONE, 0, 0, 0, 1 << 30)
SKEWED = (ONE, 12000, 0, 12000, ONE, 0, 3 * ONE, 0, 1 << 30)
TEN = (64540, 11380, 0, -11380, 64540, 0, 0, 0, 1 << 30)
EIGHT = [
    (0, False, (ONE, 0, 0, ONE)),
    (1, False, (0, -ONE, ONE, 0)),
    (2, False, (-ONE, 0, 0, -ONE)),
    (3, False, (0, ONE, -ONE, 0)),
    (0, True, (-ONE, 0, 0, ONE)),
    (1, True, (0, ONE, ONE, 0)),
    (2, True, (ONE, 0, 0, -ONE)),
    (3, True, (0, -ONE, -ONE, 0)),
]


def matrix_of(a: int, b: int, c: int, d: int) -> Matrix:
    return (a, b, 0, c, d, 0, 0, 0, 1 << 30)


def stamped(folder: Path, matrix: Matrix, suffix: str = ".mp4", audio: bool = False) -> Path:
    """A small clip whose track header holds the matrix, written there byte by byte."""
    path = make_clip(folder / f"a{suffix}", 3, (64, 48), audio=audio)
    data = bytearray(path.read_bytes())
    header = data.index(b"tkhd")
    identity = b"".join(value.to_bytes(4, "big", signed=True) for value in matrix_of(ONE, 0, 0, ONE))
    at = data.index(identity, header)
    data[at : at + 36] = b"".join(value.to_bytes(4, "big", signed=True) for value in matrix)
    path.write_bytes(data)
    return path


def stored_matrix(path: Path) -> Matrix:
    """The matrix in the first track header, read from the bytes."""
    data = path.read_bytes()
    at = data.index(b"tkhd") + 44
    return tuple(int.from_bytes(data[at + 4 * i : at + 4 * i + 4], "big", signed=True) for i in range(9))


@pytest.mark.parametrize(("turns", "mirrored", "linear"), EIGHT)
def test_the_model_sees_each_of_the_eight_upright(
    tmp_path: Path, turns: int, mirrored: bool, linear: tuple[int, int, int, int]
) -> None:
    source = stamped(tmp_path, matrix_of(*linear))
    info = open_clip(source)
    assert info.orientation == Orientation(turns, mirrored)
    # The executable turns and mirrors what it decodes by code of its own.
    ffmpeg("-i", source, "-frames:v", 1, "-pix_fmt", "gray", "-f", "rawvideo", tmp_path / "shown")
    width, height = info.display_size
    shown = np.fromfile(tmp_path / "shown", np.uint8).reshape(height, width)
    with FrameReader(source) as reader:
        frame = next(iter(reader))
    luma = planes(frame)[0]
    np.testing.assert_array_equal(np.abs(info.orientation.upright(luma).astype(int) - shown).max() <= 24, True)
    view = model_view(frame, width, height, info.orientation)
    straight = model_view(frame, info.width, info.height)
    np.testing.assert_array_equal(view, info.orientation.upright(straight))
    np.testing.assert_array_equal(info.orientation.stored(info.orientation.upright(luma)), luma)


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
@pytest.mark.parametrize("matrix", [MIRRORED, SKEWED, TEN, *(matrix_of(*linear) for _, _, linear in EIGHT)])
def test_mp4_and_mov_keep_every_matrix(tmp_path: Path, matrix: Matrix, suffix: str) -> None:
    after, notices = copy(stamped(tmp_path, matrix), tmp_path / f"b{suffix}", "h264-lossless")
    assert notices == []
    assert stored_matrix(after.path) == matrix


@pytest.mark.parametrize("matrix", [TEN, *(matrix_of(*linear) for _, _, linear in EIGHT)])
def test_matroska_keeps_turns_and_mirrors(tmp_path: Path, matrix: Matrix) -> None:
    after, notices = copy(stamped(tmp_path, matrix), tmp_path / "b.mkv")
    assert notices == []
    assert same_matrix(after.display_matrix, matrix)


def test_a_matrix_that_matroska_cannot_hold_is_told(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match=r"b\.mkv: can't hold the display matrix"):
        copy(stamped(tmp_path, SKEWED), tmp_path / "b.mkv")


def test_a_matrix_that_changes_midway_is_refused(tmp_path: Path) -> None:
    paths = [tmp_path / f"{degrees}.h264" for degrees in (90, 180)]
    for path in paths:
        turned = ("-bsf:v", f"h264_metadata=display_orientation=insert:rotate={path.stem}")
        ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x48:d=0.16", "-c:v", "libx264", "-bf", 0, *turned, path)
    (tmp_path / "both.h264").write_bytes(b"".join(path.read_bytes() for path in paths))
    with FrameReader(tmp_path / "both.h264") as reader, pytest.raises(VeraError, match="is turned otherwise from"):
        list(reader)
    with FrameReader(paths[0]) as reader:
        assert len(list(reader)) == 4


@given(st.lists(st.integers(-(2**20), 2**20), min_size=4, max_size=4))
def test_the_nearest_orientation_is_nearest(linear: list[int]) -> None:
    matrix = matrix_of(*linear)
    chosen = nearest_orientation(matrix)
    scores = {
        (turns, mirrored): sum(a * b for a, b in zip(linear, right, strict=True)) for turns, mirrored, right in EIGHT
    }
    assert scores[chosen.turns, chosen.mirrored] == max(scores.values())


@given(st.integers(0, 3), st.booleans(), st.integers(1, 5), st.integers(1, 5))
def test_stored_undoes_upright(turns: int, mirrored: bool, width: int, height: int) -> None:
    orientation, picture = Orientation(turns, mirrored), np.arange(width * height).reshape(height, width)
    upright = orientation.upright(picture)
    assert upright.shape[::-1] == orientation.swapped((width, height))
    np.testing.assert_array_equal(orientation.stored(upright), picture)


def test_frames_without_a_matrix_are_upright() -> None:
    assert model_view(make_frame(), 64, 48).shape == (48, 64, 3)
