"""Packed formats read as plain ones: no sample changes."""

import av
import numpy as np
import pytest
from av.video.reformatter import VideoReformatter
from tests.clips import make_frame

from vera.video import planes
from vera.video.formats import _EXACT, _PLAIN, plain, plain_format

FEWER_COLORS = ("monob", "monow", "pal8")

BIG_ENDIAN = ("yuv422p10be", "yuv444p16be", "gray16be", "gray10be", "rgb48be", "rgba64be", "gbrp12be", "yuva444p10be")


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


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "nv12", "p010le", "rgb24", "gbrp10le", "gray16le", "yuva444p12le"])
def test_plain_formats_stay(pix_fmt: str) -> None:
    frame = make_frame(pix_fmt=pix_fmt)
    assert plain(frame, VideoReformatter()) is frame
