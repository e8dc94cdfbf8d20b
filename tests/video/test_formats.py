"""Packed formats read as plain ones: no sample changes."""

from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import VideoReformatter
from tests.clips import copy, make_frame
from tests.executable import ffmpeg

from vera.errors import VeraError
from vera.video import open_clip, planes
from vera.video.codecs import CODECS, find_codec
from vera.video.components import components
from vera.video.formats import _EXACT, _PLAIN, is_float, plain, plain_format
from vera.video.sequence import PICTURES

FEWER_COLORS = ("monob", "monow", "pal8")

BIG_ENDIAN = ("yuv422p10be", "yuv444p16be", "gray16be", "gray10be", "rgb48be", "rgba64be", "gbrp12be", "yuva444p10be")
BIG_ENDIAN += ("bgr48be", "bgra64be", "p210be", "ayuv64be", "xv36be", "nv20be")


@pytest.mark.parametrize("pix_fmt", sorted({*_PLAIN, *BIG_ENDIAN} - {*FEWER_COLORS}))
def test_there_and_back_is_the_same(pix_fmt: str) -> None:
    name = plain_format(pix_fmt)
    source = make_frame((64, 48), name)
    if name == "bgr0":
        planes(source)[0][..., 3] = 255  # unused
    packed = VideoReformatter().reformat(source, format=pix_fmt, interpolation=_EXACT)
    packed.pts = 7
    found = plain(packed, VideoReformatter())
    assert (found.format.name, found.pts) == (name, 7)
    for one, other in zip(planes(found), planes(source), strict=True):
        np.testing.assert_array_equal(one, other)


def test_by_hand() -> None:
    # Two pixels a word: Y0 U Y1 V.
    frame = av.VideoFrame(4, 1, "yuyv422")
    frame.planes[0].update(bytes([10, 20, 30, 40, 50, 60, 70, 80]) + bytes(frame.planes[0].buffer_size - 8))
    luma, blue, red = planes(plain(frame, VideoReformatter()))
    assert (luma.tolist(), blue.tolist(), red.tolist()) == ([[10, 30, 50, 70]], [[20, 60]], [[40, 80]])


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuvj440p", "rgb24", "gbrp10le", "gray16le", "yuva444p12le"])
def test_plain_formats_stay(pix_fmt: str) -> None:
    frame = make_frame(pix_fmt=pix_fmt)
    assert plain(frame, VideoReformatter()) is frame


def is_read(pix_fmt: str) -> bool:
    """Whether frames in a format are read, to be edited and put into a film; floats are in sequences alone."""
    if av.VideoFormat(pix_fmt, 16, 16).padded_bits_per_pixel == 0 or is_float(pix_fmt):  # 0: in a GPU's memory
        return False
    try:
        components(av.VideoFrame(16, 16, plain_format(pix_fmt)))
    except VeraError:
        return False
    return True


@pytest.mark.faults
def test_what_is_read_can_be_written_to_a_film_as_it_is() -> None:
    films = {name: codec for name, codec in CODECS.items() if codec.lossless and not set(codec.suffixes) <= {*PICTURES}}
    read = sorted(name for name in av.video.format.names if is_read(name))
    assert {"bgr24", "nv12", "p010le", "yuvj411p", "yuvj440p", "rgb48be", "pal8"} <= {*read}
    lost = []
    for pix_fmt in read:
        for name, codec in films.items():
            try:
                find_codec(name, Path(f"a{codec.suffixes[0]}"), plain_format(pix_fmt), 64, 48)
                break
            except VeraError:
                continue
        else:
            lost.append(pix_fmt)
    assert not lost


@pytest.mark.faults
@pytest.mark.parametrize("pix_fmt", ["bgr24", "nv12", "yuvj440p", "yuvj411p", "bgra64le"])
def test_a_film_of_such_frames(tmp_path: Path, pix_fmt: str) -> None:
    """Decoded by FFmpeg's executable, in the format that the source had, the copy is what it was."""
    source, out = tmp_path / ("a.avi" if pix_fmt == "bgr24" else "a.nut"), tmp_path / "b.mkv"
    codec = "mjpeg" if pix_fmt.startswith("yuvj") else "rawvideo"
    made = ("-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=0.2", "-pix_fmt", pix_fmt, "-c:v", codec)
    ffmpeg(*made, source, silent=False)
    result, _ = copy(source, out)
    assert result.frame_count == open_clip(source).frame_count == 5
    raw = [
        ffmpeg("-i", path, "-pix_fmt", pix_fmt.replace("yuvj", "yuv"), "-f", "framemd5", "-", silent=False)
        for path in (source, out)
    ]
    one, other = ([line.split(",")[-1] for line in text.splitlines() if line[0] != "#"] for text in raw)
    assert one == other
