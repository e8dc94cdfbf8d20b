"""Interlaced footage: detected, refused unless it is to be deinterlaced, one whole frame for each."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from tests.clips import make_clip, samples
from tests.executable import ffmpeg

from vera.errors import VeraError
from vera.video import Footage, FrameReader, FrameWriter, open_clip, planes
from vera.video.components import components
from vera.video.decoding.deinterlace import deinterlaced

CODECS = {
    "h264.mp4": ("libx264", ("-flags", "+ilme+ildct", "-x264-params", "tff=1:weightp=0"), "yuv420p"),
    "mpeg2.ts": ("mpeg2video", ("-flags", "+ilme+ildct"), "yuv422p"),
    "prores.mov": ("prores_ks", ("-flags", "+ilme+ildct", "-profile:v", "hq"), "yuv422p10le"),
    "dnxhd.mxf": ("dnxhd", ("-flags", "+ilme+ildct", "-b:v", "120M"), "yuv422p"),
    "ffv1.mkv": ("ffv1", ("-flags", "+ilme+ildct"), "yuv422p10le"),
}

BAR = "geq=lum='if(between(X,4+4*N,12+4*N),220,90)':cb=128:cr=128"


def interlaced(folder: Path, name: str) -> Path:
    """A bright bar that moves right, its two fields taken at different times."""
    codec, options, pix_fmt = CODECS[name]
    size = "1920x1080" if codec == "dnxhd" else "64x48"
    frames = 2 if codec == "dnxhd" else 8
    moving = f"color=gray:size={size}:rate=50,{BAR},tinterlace=interleave_top"
    ffmpeg(
        *("-f", "lavfi", "-i", f"{moving},setfield=tff,format={pix_fmt}", "-frames:v", frames),
        *("-c:v", codec, *options, folder / name),
    )
    return folder / name


@pytest.mark.parametrize("name", CODECS)
def test_interlaced_footage_is_refused_or_deinterlaced(tmp_path: Path, name: str) -> None:
    clip = interlaced(tmp_path, name)
    with pytest.raises(VeraError, match=r"is interlaced at \d\.\d{3} s; deinterlace it first, or add --deinterlace"):
        open_clip(clip)
    with FrameReader(clip) as reader, pytest.raises(VeraError, match="is interlaced"):
        list(reader)
    info = open_clip(clip, deinterlace=True)
    assert info.interlaced and info.display_matrix is None
    with FrameReader(Footage(clip, deinterlace=True)) as reader:
        frames = list(reader)
    assert tuple(frame.pts for frame in frames) == info.pts
    assert {frame.time_base for frame in frames} == {info.time_base}
    assert {frame.format.name for frame in frames} == {info.pix_fmt}
    assert not any(frame.interlaced_frame for frame in frames)
    # The combs are gone: neighbouring lines agree.
    luma = planes(frames[len(frames) // 2])[0].astype(float)
    assert np.abs(np.diff(luma[8:-8], axis=0)).mean() < 0.02 * 2**info.bit_depth


def test_the_filter_is_that_of_the_executable(tmp_path: Path) -> None:
    clip = interlaced(tmp_path, "ffv1.mkv")
    ffmpeg("-i", clip, "-vf", "bwdif=send_frame", "-c:v", "ffv1", tmp_path / "theirs.mkv")
    with FrameReader(Footage(clip, deinterlace=True)) as ours, FrameReader(tmp_path / "theirs.mkv") as theirs:
        pairs = list(zip(ours, theirs, strict=True))
    for one, other in pairs:
        assert all(np.array_equal(a, b) for a, b in zip(planes(one), planes(other), strict=True))


def test_progressive_footage_is_not_touched(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4")
    assert not open_clip(clip).interlaced


def test_a_clip_that_becomes_interlaced(tmp_path: Path) -> None:
    clip = tmp_path / "a.mkv"
    moving = "color=gray:size=64x48:rate={}:duration=0.2," + BAR + ",format=yuv420p"
    parts = [moving.format(25) + ",setfield=prog", moving.format(50) + ",tinterlace=interleave_top,setfield=tff"]
    inputs = [word for part in parts for word in ("-f", "lavfi", "-i", part)]
    ffmpeg(*inputs, "-filter_complex", "[0][1]concat=n=2", "-c:v", "ffv1", "-flags", "+ilme+ildct", clip)
    info = open_clip(clip, deinterlace=True)
    assert not info.interlaced and info.footage.deinterlace
    with info.frames() as reader, av.open(str(clip)) as raw:
        pairs = list(zip(reader, raw.decode(video=0), strict=True))
    assert [frame.interlaced_frame for _, frame in pairs] == [False] * 5 + [True] * 5
    # Whole frames stay as they are; of the others every second line was made.
    same = [all(map(np.array_equal, planes(one), planes(other))) for one, other in pairs]
    assert same == [True] * 5 + [False] * 5


UNKNOWN_TO_BWDIF = ["yuva444p12le", "ya8", "gbrap10le", "yuv440p12le", "gray10le", "gbrapf16le", "grayf32le"]


@pytest.mark.parametrize("pix_fmt", UNKNOWN_TO_BWDIF)
def test_what_the_filter_would_convert_passes_by_it(pix_fmt: str) -> None:
    random = np.random.default_rng(0)
    frames = [av.VideoFrame(64, 48, pix_fmt) for _ in range(3)]
    for number, frame in enumerate(frames):
        frame.pts, frame.time_base = number, Fraction(1, 25)
        for plane in planes(frame):
            plane[...] = random.integers(0, 2 ** min(frame.format.components[0].bits, 15), plane.shape)
    before = [[plane.copy() for plane in planes(frame)] for frame in frames]
    after = list(deinterlaced(iter(frames), Path("a.mov")))
    assert [frame.format.name for frame in after] == [pix_fmt] * 3
    assert all(all(map(np.array_equal, planes(frame), kept)) for frame, kept in zip(after, before, strict=True))


@pytest.mark.parametrize(
    "pix_fmt", ["rgb24", "bgr0", "rgb48le", "rgba", "bgra", "rgba64le", "gbrp10le", "nv12", "p010le"]
)
def test_samples_in_an_order_of_their_own_pass_exactly(pix_fmt: str) -> None:
    """RGB as it was, chroma in pairs as planes."""
    frame = av.VideoFrame(64, 48, pix_fmt)
    frame.pts, frame.time_base = 0, Fraction(1, 25)
    shift = 6 if pix_fmt == "p010le" else 0
    for plane in planes(frame):
        plane[...] = np.random.default_rng(0).integers(0, 2 ** frame.format.components[0].bits, plane.shape) << shift
    expected = [component >> shift for component in components(frame)]
    [whole] = deinterlaced(iter([frame]), Path("a.mov"))
    assert whole.format.name == {"nv12": "yuv420p", "p010le": "yuv420p10le"}.get(pix_fmt, pix_fmt)
    assert all(map(np.array_equal, components(whole), expected))


def test_interlaced_frames_of_formats_that_the_filter_would_convert_are_refused(tmp_path: Path) -> None:
    clip = tmp_path / "a.mov"
    made = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=0.2,format=yuva444p10le,setfield=tff")
    ffmpeg(*made, "-c:v", "prores_ks", "-profile:v", "4444", "-flags", "+ilme+ildct", clip)
    with pytest.raises(VeraError, match=r"a\.mov: is interlaced yuva444p12le, which is not deinterlaced here"):
        open_clip(clip, deinterlace=True)


def test_a_result_is_progressive(tmp_path: Path) -> None:
    clip = interlaced(tmp_path, "prores.mov")
    info = open_clip(clip, deinterlace=True)
    with FrameReader(Footage(clip, deinterlace=True)) as reader, FrameWriter(tmp_path / "b.mov", info) as writer:
        for frame in reader:
            writer.write(frame)
    after = open_clip(tmp_path / "b.mov")
    assert (after.pts, after.time_base, after.interlaced) == (info.pts, info.time_base, False)
    assert after.average_rate == Fraction(25)


@pytest.mark.faults
@pytest.mark.parametrize("name", ["fake.mp4", "ffv1.mkv"])
def test_footage_is_progressive_if_the_user_says_so(tmp_path: Path, name: str) -> None:
    if name == "fake.mp4":
        made = ("-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=0.4", "-pix_fmt", "yuv420p")
        ffmpeg(*made, "-c:v", "libx264", "-x264-params", "fake-interlaced=1:tff=1:weightp=0", tmp_path / name)
    clip = tmp_path / name if name == "fake.mp4" else interlaced(tmp_path, name)
    with FrameReader(clip) as reader, pytest.raises(VeraError, match="or --progressive if it only says so"):
        list(reader)
    info = open_clip(clip, progressive=True)
    assert info.interlaced and info.footage == Footage(clip, progressive=True)
    with info.frames() as reader:
        frames = list(reader)
    with av.open(str(clip)) as container:
        assert samples(frames) == samples(container.decode(video=0))
    with FrameWriter(tmp_path / "out.mkv", info) as writer:
        for frame in frames:
            writer.write(frame)
    with FrameReader(tmp_path / "out.mkv") as reader:  # which says nothing of the kind
        assert samples(reader) == samples(frames)
    with pytest.raises(VeraError, match="choose one of the two"):
        Footage(clip, deinterlace=True, progressive=True)
