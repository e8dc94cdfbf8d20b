"""Alpha that WebM keeps beside the pictures: read, where FFmpeg's own decoders leave it out."""

from pathlib import Path

import numpy as np
import pytest
from tests.executable import ffmpeg

from vera.video import FrameReader, open_clip, planes

NOISE = "nullsrc=size=64x48:rate=25,format=yuva420p,geq=lum='random(1)*255':cb=128:cr=128:a='random(4)*255'"
TAGGED = f"{NOISE},setparams=color_trc=bt709:color_primaries=bt470bg"


@pytest.mark.parametrize(("codec", "library"), [("vp8", "libvpx"), ("vp9", "libvpx-vp9")])
@pytest.mark.parametrize("suffix", ["webm", "mkv"])
def test_alpha_of_webm_is_read(tmp_path: Path, codec: str, library: str, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    hidden = ("-auto-alt-ref", "0") if codec == "vp8" else ("-lag-in-frames", "8")
    ffmpeg("-f", "lavfi", "-i", TAGGED, "-frames:v", "12", "-c:v", library, "-b:v", "1M", *hidden, path)
    info = open_clip(path)
    assert (info.codec, info.pix_fmt, info.frame_count) == (codec, "yuva420p", 12)
    assert (info.color.trc, info.color.primaries) == (1, 5)
    with FrameReader(path) as reader:
        frames = list(reader)
    assert tuple(frame.pts for frame in frames) == info.pts and reader.damaged == []
    ffmpeg("-c:v", library, "-i", path, "-pix_fmt", "yuva420p", "-f", "rawvideo", tmp_path / "raw")
    raw = np.fromfile(tmp_path / "raw", np.uint8).reshape(12, -1)
    for frame, expected in zip(frames, raw, strict=True):
        np.testing.assert_array_equal(np.concatenate([plane.ravel() for plane in planes(frame)]), expected)
        assert np.ptp(planes(frame)[3]) > 100
