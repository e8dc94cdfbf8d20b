"""The moving sheet: its pictures and times are the clip's."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from vera.errors import VeraError
from vera.layers import LayeredEdit, animated_sheet, composite_clip
from vera.video import open_clip

MakeClip = Callable[..., Path]
GREEN = (10, 200, 60)


@pytest.fixture
def edited(make_clip: MakeClip, tmp_path: Path) -> tuple[Path, LayeredEdit, Path]:
    """A clip of 32x32 with a square of 16 pixels in its first four frames, which goes from left to right."""
    source, result = make_clip("in.mkv", frames=5, size=(32, 32)), tmp_path / "out.mkv"
    clip = open_clip(source)
    alpha = np.zeros((4, 32, 32), np.uint16)
    for frame in range(4):
        alpha[frame, 8:24, 4 * frame : 4 * frame + 16] = 65535
    edit = LayeredEdit(np.full((4, 32, 32, 3), GREEN, np.uint8), alpha, clip.pts[:4], clip.time_base, {})
    composite_clip(source, edit, result)
    return source, edit, result


def test_frames_move_and_last_as_long_as_the_clips(edited: tuple[Path, LayeredEdit, Path], tmp_path: Path) -> None:
    source, edit, result = edited
    animated_sheet(source, edit, result, tmp_path / "sheet.webp", width=64)
    sheet = Image.open(tmp_path / "sheet.webp")
    frames, durations = [], []
    for frame in ImageSequence.Iterator(sheet):
        frames.append(np.asarray(frame.convert("RGB")).astype(int))
        durations.append(sheet.info["duration"])  # known once the picture is loaded
    assert len(frames) == 4 and frames[0].shape == (132, 132, 3)
    for number, frame in enumerate(frames):
        middle = 8 * number + 16  # of the square, in pixels of a tile twice the clip's size
        for tile in (frame[:64, 68:], frame[68:, 68:]):  # edit layer and result
            assert np.abs(tile[28:36, middle - 4 : middle + 4].mean((0, 1)) - GREEN).max() < 16
        assert frame[68 + 30, middle].min() > 240 and frame[68 + 4, 40:60].max() < 16  # alpha
    clip = open_clip(source)
    assert sum(durations[:3]) == round(float(clip.pts[3] * clip.time_base) * 1000) and sheet.info["loop"] == 0


def test_fewer_frames_fill_the_same_time(edited: tuple[Path, LayeredEdit, Path], tmp_path: Path) -> None:
    source, edit, result = edited
    animated_sheet(source, edit, result, tmp_path / "two.webp", frames=2, width=32)
    sheet = Image.open(tmp_path / "two.webp")
    assert getattr(sheet, "n_frames", 1) == 2
    sheet.load()
    assert sheet.info["duration"] == round(float(edit.pts[3] * edit.time_base) * 1000)


def test_one_frame_is_a_still(edited: tuple[Path, LayeredEdit, Path], tmp_path: Path) -> None:
    source, edit, result = edited
    animated_sheet(source, edit, result, tmp_path / "one.webp", frames=1, width=32)
    assert Image.open(tmp_path / "one.webp").size == (68, 68)


def test_it_is_never_written_over_an_input(edited: tuple[Path, LayeredEdit, Path]) -> None:
    source, edit, result = edited
    before = result.read_bytes()
    with pytest.raises(VeraError):
        animated_sheet(source, edit, result, result)
    assert result.read_bytes() == before
