"""Verification counts every sample, finds a single planted change, and refuses to compare what is not comparable."""

import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import OpenEXR
import pytest
from tests.clips import make_clip as make_coded_clip

from vera.errors import VeraError
from vera.layers import LayeredEdit, composite_clip, contact_sheet, load_layers, save_layers, verify
from vera.layers.composite import copy_frame
from vera.video import FrameReader, FrameWriter, open_clip, planes

MakeClip = Callable[..., Path]


def square_edit(source: Path, frames: int | None = None, soft: bool = False) -> LayeredEdit:
    """Covers the left upper 8x8 pixels of a 32x32 clip; with `soft` its last column and row by half."""
    info = open_clip(source)
    pts = info.pts[:frames]
    alpha = np.zeros((len(pts), 32, 32), np.uint16)
    alpha[:, :8, :8] = 65535
    if soft:
        alpha[:, 8, :9] = alpha[:, :9, 8] = 30000
    edit = np.full((*alpha.shape, 3), (10, 200, 60), np.uint8)
    return LayeredEdit(edit, alpha, pts, info.time_base, {"instruction": "test"})


def rewrite(source: Path, out: Path, change: Callable[[int, tuple[np.ndarray, ...]], None]) -> None:
    with FrameReader(source) as reader, FrameWriter(out, open_clip(source), "ffv1") as writer:
        for index, frame in enumerate(reader):
            copy = copy_frame(frame)
            change(index, planes(copy))
            writer.write(copy)


@pytest.mark.parametrize(("name", "codec"), [("out.mkv", "ffv1"), ("out.mp4", "h264-lossless")])
def test_lossless_results_are_clean_and_counted_by_hand(
    make_clip: MakeClip, tmp_path: Path, name: str, codec: str
) -> None:
    source = make_clip("in.mp4", frames=4, size=(32, 32))
    edit = square_edit(source, frames=3)
    composite_clip(source, edit, tmp_path / name, codec)
    report = verify(source, tmp_path / name, edit)
    assert report.frames == 4
    assert report.samples == 4 * 32 * 32 * 3 // 2
    assert report.preserved == report.samples - 3 * (64 + 16 + 16)
    assert (report.changed, report.max_difference, report.psnr) == (0, 0, math.inf)


def test_a_touched_chroma_sample_is_not_preserved(make_clip: MakeClip, tmp_path: Path) -> None:
    source = make_clip("in.mp4", frames=1, size=(32, 32))
    edit = square_edit(source, soft=True)
    composite_clip(source, edit, tmp_path / "out.mkv")
    report = verify(source, tmp_path / "out.mkv", edit)
    assert report.preserved == 32 * 32 * 3 // 2 - 81 - 25 - 25
    assert report.changed == 0


@pytest.mark.parametrize("plane", [0, 1, 2])
def test_one_changed_sample_is_found(make_clip: MakeClip, tmp_path: Path, plane: int) -> None:
    source = make_clip("in.mkv", frames=3, size=(32, 32))

    def plant(index: int, samples: tuple[np.ndarray, ...]) -> None:
        if index == 1:
            samples[plane][-1, -1] ^= 3

    rewrite(source, tmp_path / "out.mkv", plant)
    report = verify(source, tmp_path / "out.mkv", square_edit(source))
    assert report.changed == 1
    assert 1 <= report.max_difference <= 3
    assert report.psnr > 40


def light_sequence(folder: Path, change: Callable[[int, np.ndarray], None] = lambda number, pixels: None) -> Path:
    """Three EXR pictures of half floats; `change` may write into each one's red."""
    folder.mkdir()
    for number in range(3):
        noise = np.random.default_rng(number).normal(0.5, 1, (3, 32, 32)).astype(np.float16)
        noise[0, -1, -1], noise[0, -1, -2] = 0.0, np.nan
        change(number, noise[0])
        header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
        with OpenEXR.File(header, dict(zip("RGB", noise, strict=True))) as file:
            file.write(str(folder / f"a.{number:04d}.exr"))
    return folder


@pytest.mark.parametrize(
    ("value", "difference"),
    [(-0.0, 0), (0.25, 0.25), (np.inf, None), (np.nan, 0)],
    ids=["sign of zero", "value", "infinite", "no number"],
)
def test_one_changed_float_is_found(tmp_path: Path, value: float, difference: float | None) -> None:
    source, edit = light_sequence(tmp_path / "in"), square_edit(tmp_path / "in", soft=True)
    composite_clip(source, edit, tmp_path / "out" / "a.####.exr")
    clean = verify(source, tmp_path / "out", edit)
    assert (clean.changed, clean.max_difference, clean.psnr, clean.broken) == (0, 0, math.inf, None)
    assert clean.preserved == 3 * 3 * (32 * 32 - 81)

    def plant(number: int, pixels: np.ndarray) -> None:
        if number == 1:
            pixels[-1, -1] = value

    report = verify(source, light_sequence(tmp_path / "bad", plant), replace(edit, alpha=np.zeros_like(edit.alpha)))
    assert report.changed == 1 and report.broken is not None
    assert difference is None or report.max_difference == difference


def test_changes_under_the_matte_are_allowed(make_clip: MakeClip, tmp_path: Path) -> None:
    source = make_clip("in.mkv", frames=2, size=(32, 32))

    def plant(index: int, samples: tuple[np.ndarray, ...]) -> None:
        samples[0][:8, :8] = 3

    rewrite(source, tmp_path / "out.mkv", plant)
    assert verify(source, tmp_path / "out.mkv", square_edit(source)).changed == 0
    assert verify(source, tmp_path / "out.mkv", square_edit(source, frames=1)).changed == 64


def test_lossy_results_are_told(make_clip: MakeClip, tmp_path: Path) -> None:
    source = make_clip("in.mp4", frames=3, size=(32, 32))
    composite_clip(source, square_edit(source), tmp_path / "out.mp4", "h264")
    report = verify(source, tmp_path / "out.mp4", square_edit(source))
    assert report.changed > 0
    assert 20 < report.psnr < 100


def test_full_range_twins_are_one_format(tmp_path: Path) -> None:
    """Motion JPEG decodes as yuvj420p, and its lossless copy as yuv420p of full range."""
    source = make_coded_clip(tmp_path / "in.avi", 2, (32, 32), pix_fmt="yuvj420p", codec="mjpeg")
    edit = square_edit(source)
    composite_clip(source, edit, tmp_path / "out.mkv")
    assert {open_clip(source).pix_fmt, open_clip(tmp_path / "out.mkv").pix_fmt} == {"yuvj420p", "yuv420p"}
    assert verify(source, tmp_path / "out.mkv", edit).changed == 0


def test_times_rounded_by_matroska_are_the_same(tmp_path: Path) -> None:
    pts = [0, 1001, 1900, 4000]
    source = make_coded_clip(
        tmp_path / "in.mp4", 4, (32, 32), pts=pts, time_base=Fraction(1, 30000), audio=True, codec="libx264"
    )
    composite_clip(source, square_edit(source), tmp_path / "out.mkv")
    assert verify(source, tmp_path / "out.mkv", square_edit(source)).changed == 0
    late = make_coded_clip(tmp_path / "late.mp4", 4, (32, 32), pts=[0, 1001, 2500, 4000], time_base=Fraction(1, 30000))
    with pytest.raises(VeraError, match="times"):
        verify(source, late, square_edit(source))


def test_other_clips_are_refused(make_clip: MakeClip, tmp_path: Path) -> None:
    source = make_clip("in.mp4", frames=3, size=(32, 32))
    edit = square_edit(source)
    with pytest.raises(VeraError, match="width"):
        verify(source, make_clip("wide.mp4", frames=3, size=(48, 32)), edit)
    with pytest.raises(VeraError, match="frame_count"):
        verify(source, make_clip("short.mp4", frames=2, size=(32, 32)), edit)
    foreign = LayeredEdit(edit.edit, edit.alpha, edit.pts, Fraction(1, 7))
    with pytest.raises(VeraError, match="another clip"):
        verify(source, source, foreign)


def test_saved_layers_composite_to_the_same_samples(make_clip: MakeClip, tmp_path: Path) -> None:
    source = make_clip("in.mkv", frames=3, size=(32, 32))
    info = open_clip(source)
    rng = np.random.default_rng(0)
    small = LayeredEdit(
        rng.integers(0, 256, (3, 16, 16, 3)).astype(np.uint8),
        rng.integers(0, 65536, (3, 16, 16)).astype(np.uint16),
        info.pts,
        info.time_base,
    )
    save_layers(small, tmp_path / "layers")
    composite_clip(source, small, tmp_path / "one.mkv")
    composite_clip(source, load_layers(tmp_path / "layers"), tmp_path / "two.mkv")
    assert (tmp_path / "one.mkv").read_bytes() == (tmp_path / "two.mkv").read_bytes()


def test_contact_sheet_shows_all_rows(make_clip: MakeClip, tmp_path: Path) -> None:
    from PIL import Image

    source = make_clip("in.mkv", frames=5, size=(32, 32))
    edit = square_edit(source)
    composite_clip(source, edit, tmp_path / "out.mkv")
    contact_sheet(source, edit, tmp_path / "out.mkv", tmp_path / "sheet.png", columns=3, width=64)
    sheet = np.asarray(Image.open(tmp_path / "sheet.png")).astype(int)
    tiles = sheet[26:, 8 + 96 :]
    row = 64 + 4
    result, alpha, change = (tiles[row * k : row * k + 64, :64] for k in (3, 2, 4))
    assert np.abs(result[4:12, 4:12].mean((0, 1)) - (10, 200, 60)).max() < 6  # the edit is there
    assert alpha[:14, :14].min() > 250 and alpha[20:, 20:].max() == 0
    assert change[4:12, 4:12].max() == 255 and change[24:, 24:].max() == 0
