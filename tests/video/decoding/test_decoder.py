"""What FFmpeg's decoders do not do by themselves: alpha that WebM keeps beside the pictures, exact cropping."""

from pathlib import Path

import numpy as np
import pytest
from tests.executable import ffmpeg, frame_hashes

from vera.video import FrameReader, FrameWriter, open_clip, planes

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


@pytest.mark.parametrize(
    ("name", "codec", "crop"),
    [
        ("a.mp4", ("-c:v", "libx264", "-pix_fmt", "yuv420p"), "h264_metadata=crop_left=6:crop_top=2:crop_right=4"),
        ("a.mov", ("-c:v", "libx264", "-pix_fmt", "yuv444p10le"), "h264_metadata=crop_left=3:crop_top=5"),
        ("a.mkv", ("-c:v", "libx265", "-x265-params", "log-level=none"), "hevc_metadata=crop_left=10:crop_bottom=2"),
    ],
)
def test_columns_cropped_on_the_left_are_not_shown(
    tmp_path: Path, name: str, codec: tuple[str, ...], crop: str
) -> None:
    """Also where samples then begin at places that processors do not like."""
    clip, master = tmp_path / name, tmp_path / f"master{Path(name).suffix}"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=160x112:r=25:d=0.4", *codec, "-bsf:v", crop, clip, silent=False)
    info = open_clip(clip)
    with info.frames() as reader, FrameWriter(master, info) as writer:
        for frame in reader:
            writer.write(frame)
    assert frame_hashes(master) == frame_hashes(clip)
