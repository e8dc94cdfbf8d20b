"""PNG sequences whose pictures are stored in different ways; palettes and single bits in other files."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from tests.clips import samples
from tests.executable import ffmpeg

from vera.errors import VeraError
from vera.video import FrameReader, FrameWriter, model_view, open_clip, planes
from vera.video.decoding.kind import check_kind

pytestmark = pytest.mark.faults

RGB = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)


def picture(mode: str) -> Image.Image:
    image = Image.fromarray(RGB)
    if mode == "I;16":
        return Image.fromarray(RGB[..., 0].astype(np.uint16) * 257)
    return image.quantize(16) if mode == "P" else image.convert(mode)


MODES = ("RGB", "L", "RGBA", "LA", "P", "1", "I;16")


def read(path: Path) -> tuple[list[NDArray[np.uint8]], set[str]]:
    with FrameReader(path) as reader:
        frames = list(reader)
    return [model_view(frame, 32, 24) for frame in frames], {frame.format.name for frame in frames}


@pytest.mark.parametrize(("one", "other"), list(combinations(MODES, 2)))
def test_pictures_stored_in_two_ways_become_one_clip(tmp_path: Path, one: str, other: str) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for index, mode in enumerate((one, other, one)):
        picture(mode).save(folder / f"s.{index:04d}.png")
    check_kind(folder)
    info = open_clip(folder)
    pictures, formats = read(folder)
    assert formats == {info.pix_fmt}
    for mode, found in zip((one, other, one), pictures, strict=True):
        shown = RGB[..., :1] + np.zeros(3, np.uint8) if mode == "I;16" else np.array(picture(mode).convert("RGB"))
        np.testing.assert_array_equal(found, shown)
    out = tmp_path / "out" / "s.####.png"
    with FrameReader(folder) as reader, FrameWriter(out, info, audio_from=folder) as writer:
        for frame in reader:
            writer.write(frame)
    with FrameReader(folder) as before, FrameReader(out) as after:
        assert samples(before) == samples(after)


def test_what_is_transparent_stays_so(tmp_path: Path) -> None:
    for index, mode in enumerate(("P", "L", "RGB")):
        clear = {"P": 3, "L": int(RGB[0, 0, 0]), "RGB": tuple(map(int, RGB[0, 0]))}[mode]
        picture(mode).save(tmp_path / f"{index}.png", transparency=clear)
    with FrameReader(tmp_path) as reader:
        frames = list(reader)
    for index, frame in enumerate(frames):
        shown = np.array(Image.open(tmp_path / f"{index}.png").convert("RGBA"))
        np.testing.assert_array_equal(planes(frame)[0], shown)


def test_a_picture_of_another_size_is_named_before_any_is_read(tmp_path: Path) -> None:
    for index in range(3):
        Image.fromarray(RGB[: 24 - 2 * (index == 2)]).save(tmp_path / f"{index}.png")
    for work in (open_clip, FrameReader, check_kind):
        with pytest.raises(VeraError, match=r"2\.png: is 32x22, but 32x24 before; render it anew"):
            work(tmp_path)


@pytest.mark.parametrize("name", ["a.avi", "a.mov", "a.mkv"])
@pytest.mark.parametrize("mode", ["P", "1"])
def test_palettes_and_bits_in_files(tmp_path: Path, name: str, mode: str) -> None:
    picture(mode).save(tmp_path / "0.png")
    picture(mode).transpose(Image.Transpose.FLIP_TOP_BOTTOM).save(tmp_path / "1.png")
    ffmpeg("-i", tmp_path / "%d.png", "-c:v", "png", tmp_path / name, silent=False)
    info = open_clip(tmp_path / name)
    assert info.pix_fmt == ("gray" if mode == "1" else "rgb24")
    shown = np.array(picture(mode).convert("RGB"))
    pictures, _ = read(tmp_path / name)
    np.testing.assert_array_equal(pictures, [shown, shown[::-1]])


@pytest.mark.parametrize("codec", ["msrle", "qtrle"])
def test_old_codecs_with_palettes(tmp_path: Path, codec: str) -> None:
    path = tmp_path / ("a.avi" if codec == "msrle" else "a.mov")
    pix_fmt = "pal8" if codec == "msrle" else "gray"
    made = "testsrc2=s=32x24:r=25:d=0.2"
    palette = ("-filter_complex", "[0]split[a][b];[a]palettegen[p];[b][p]paletteuse") if codec == "msrle" else ()
    ffmpeg("-f", "lavfi", "-i", made, *palette, "-pix_fmt", pix_fmt, "-c:v", codec, path, silent=False)
    ffmpeg("-i", path, "-pix_fmt", "rgb24", tmp_path / "%d.png", silent=False)
    pictures, _ = read(path)
    for index, found in enumerate(pictures, start=1):
        np.testing.assert_array_equal(found, np.array(Image.open(tmp_path / f"{index}.png")))
