"""Probe: what it tells of good files, and the one line that it says of bad ones."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from tests.clips import cut, make_clip, make_frame, make_sound

from vera.color.tags import ColorTags
from vera.errors import VeraError
from vera.video import AudioInfo, FrameReader, Orientation, open_clip


def test_all_that_a_file_says(tmp_path: Path) -> None:
    color = ColorTags(range=1, space=9, trc=16, primaries=9)
    info = open_clip(
        make_clip(
            tmp_path / "a.mov",
            5,
            fps=Fraction(24000, 1001),
            pix_fmt="yuv422p10le",
            audio=True,
            rotation=90,
            color=color,
            sample_aspect=Fraction(4, 3),
            timecode="01:02:03:04",
        )
    )
    assert (info.path, info.codec, info.frame_count) == (tmp_path / "a.mov", "h264", 5)
    assert "mov" in info.container
    assert (info.width, info.height, info.display_size, info.orientation) == (64, 48, (48, 64), Orientation(1))
    assert (info.pix_fmt, info.bit_depth, info.color) == ("yuv422p10le", 10, color)
    assert [pts * info.time_base for pts in info.pts] == [Fraction(1001 * index, 24000) for index in range(5)]
    assert (info.duration, info.average_rate, info.is_vfr) == (Fraction(5005, 24000), Fraction(24000, 1001), False)
    assert (info.sample_aspect, info.timecode) == (Fraction(4, 3), "01:02:03:04")
    assert info.audio == (AudioInfo(1, "aac", 48000, "mono", None),)


def test_a_file_that_says_little(tmp_path: Path) -> None:
    info = open_clip(make_clip(tmp_path / "a.mkv", codec="ffv1", pix_fmt="gray"))
    assert (info.color, info.audio, info.timecode, info.display_matrix) == (ColorTags(), (), None, None)
    assert (info.sample_aspect, info.bit_depth) == (1, 8)


def test_variable_rate(tmp_path: Path) -> None:
    times = [0, 1000, 3000, 3500, 9000, 9001, 12000]
    info = open_clip(make_clip(tmp_path / "a.mp4", 7, pts=times, time_base=Fraction(1, 90000)))
    assert (info.time_base, info.pts, info.is_vfr) == (Fraction(1, 90000), tuple(times), True)
    assert info.frame_durations()[3500] == 5500
    assert info.average_rate == 7 / info.duration


def test_rounding_to_milliseconds_is_not_variable_rate(tmp_path: Path) -> None:
    info = open_clip(make_clip(tmp_path / "a.mkv", 30, fps=Fraction(30000, 1001), codec="ffv1"))
    assert (info.time_base, info.pts[:4]) == (Fraction(1, 1000), (0, 33, 67, 100))
    assert not info.is_vfr
    assert info.average_rate == Fraction(30000, 1001)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.integers(1, 100_000), min_size=1, max_size=6), start=st.integers(0, 5000))
def test_any_times_come_back(tmp_path: Path, steps: list[int], start: int) -> None:
    times = (start + np.cumsum(steps)).tolist()
    clip = make_clip(tmp_path / "a.nut", len(times), (16, 16), codec="ffv1", pts=times, time_base=Fraction(1, 90000))
    info = open_clip(clip)
    assert [pts * info.time_base for pts in info.pts] == [Fraction(time, 90000) for time in times]


def test_hidden_reference_frames_are_not_counted(tmp_path: Path) -> None:
    # VP8 stores frames that are never shown as packets of their own.
    options = {"auto-alt-ref": "1", "lag-in-frames": "16", "b": "20k", "deadline": "good"}
    clip = make_clip(tmp_path / "a.webm", 40, codec="libvpx", options=options)
    with FrameReader(clip) as reader:
        assert open_clip(clip).pts == tuple(frame.pts for frame in reader)
    assert open_clip(clip).frame_count == 40


def test_one_frame_is_a_clip(tmp_path: Path) -> None:
    for name, codec in (("a.mp4", "libx264"), ("a.mkv", "ffv1")):
        info = open_clip(make_clip(tmp_path / name, 1, codec=codec))
        assert (info.pts, info.duration, info.is_vfr) == ((0,), Fraction(1, 25), False)


@pytest.mark.parametrize("cover_first", [True, False])
def test_a_cover_is_not_the_video(tmp_path: Path, cover_first: bool) -> None:
    import av

    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        streams = {}
        for name in ("mjpeg", "libx264") if cover_first else ("libx264", "mjpeg"):
            streams[name] = container.add_stream(name, rate=25)
            streams[name].width, streams[name].height = (16, 16) if name == "mjpeg" else (64, 48)
            streams[name].pix_fmt = "yuvj420p" if name == "mjpeg" else "yuv420p"
        streams["mjpeg"].disposition = av.stream.Disposition.attached_pic
        container.mux(streams["mjpeg"].encode(av.VideoFrame(16, 16, "yuvj420p")))
        container.mux(streams["mjpeg"].encode(None))
        for index in range(4):
            frame = make_frame(seed=index)
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(streams["libx264"].encode(frame))
        container.mux(streams["libx264"].encode(None))
    info = open_clip(path)
    assert (info.codec, info.width, info.height, info.frame_count) == ("h264", 64, 48, 4)
    with FrameReader(path) as reader:
        assert [(frame.width, frame.height) for frame in reader] == [(64, 48)] * 4


@pytest.mark.parametrize("size", [(35, 27), (1, 1), (2, 1)])
def test_odd_sizes(tmp_path: Path, size: tuple[int, int]) -> None:
    info = open_clip(make_clip(tmp_path / "a.mkv", 2, size, codec="ffv1"))
    assert (info.width, info.height) == info.display_size == size


def test_words_that_are_not_utf8(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.avi", codec="mjpeg", pix_fmt="yuvj420p")
    data = clip.read_bytes()
    assert data.count(b"Lavf") == 1
    clip.write_bytes(data.replace(b"Lavf", b"\xff\xfe\xe9f"))
    assert open_clip(clip).frame_count == 8


# Bad input


def directory(folder: Path) -> Path:
    (folder / "clip.mp4").mkdir()
    return folder / "clip.mp4"


def text(folder: Path) -> Path:
    (folder / "clip.mp4").write_text("Not a video at all.\n" * 100)
    return folder / "clip.mp4"


def plain_text(folder: Path) -> Path:
    (folder / "notes.txt").write_text("Not a video at all.\n" * 100)
    return folder / "notes.txt"


def empty(folder: Path) -> Path:
    (folder / "clip.mp4").touch()
    return folder / "clip.mp4"


def picture(suffix: str, name: str | None = None) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = folder / (name or f"picture.{suffix}")
        Image.new("RGB", (64, 48), "teal").save(path, suffix)
        return path

    return make


def sound_with_cover(folder: Path) -> Path:
    import av

    with av.open(str(folder / "song.m4a"), "w", format="mp4") as container:
        tone = container.add_stream("aac", rate=48000, layout="mono")
        cover = container.add_stream("mjpeg", rate=25)
        cover.width, cover.height, cover.pix_fmt = 16, 16, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate = 48000
        container.mux(tone.encode(frame))
        container.mux(cover.encode(av.VideoFrame(16, 16, "yuvj420p")))
        container.mux(cover.encode(None))
        container.mux(tone.encode(None))
    return folder / "song.m4a"


def header_alone(folder: Path) -> Path:
    """A track of video that is announced, and then nothing."""
    return make_clip(folder / "a.mp4", 0, muxer={"movflags": "empty_moov+frag_keyframe"})


BAD = {
    "missing": (lambda folder: folder / "clip.mp4", "no such file"),
    "directory": (directory, "is a folder"),
    "empty": (empty, "is empty"),
    "text": (text, "is not a video"),
    "plain text": (plain_text, "no frames of video"),
    "cut before its index": (lambda folder: cut(make_clip(folder / "a.mp4", 20), 0.8), "cut off"),
    "cut in its header": (lambda folder: cut(make_clip(folder / "a.mkv", codec="ffv1"), 0.001), "cut off"),
    "sound": (lambda folder: make_sound(folder / "a.m4a"), "only sound"),
    "sound in mp4": (lambda folder: make_sound(folder / "a.mp4"), "only sound"),
    "sound with a cover": (sound_with_cover, "only sound"),
    "no frames, mp4": (lambda folder: make_clip(folder / "a.mp4", 0), "no frames"),
    "no frames, fragmented mp4": (header_alone, "no frames"),
    "no frames, mkv": (lambda folder: make_clip(folder / "a.mkv", 0, codec="ffv1"), "before its first frame"),
    "png": (picture("png"), "is a still image"),
    "jpeg": (picture("jpeg"), "is a still image"),
    "webp": (picture("webp"), "is a still image"),
    "tiff": (picture("tiff"), "is a still image"),
    "png named mp4": (picture("png", "picture.mp4"), "is a still image"),
    "jpeg named mov": (picture("jpeg", "picture.mov"), "is a still image"),
}


@pytest.mark.parametrize(("make", "reason"), BAD.values(), ids=BAD)
def test_bad_input_is_told_in_one_line(tmp_path: Path, make: Callable[[Path], Path], reason: str) -> None:
    path = make(tmp_path)
    with pytest.raises(VeraError) as caught:
        open_clip(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert reason in message
    # What, and after the semicolon what to do.
    assert ";" in message and "\n" not in message
    if make is not header_alone:  # which opens, there is just nothing to iterate over
        with pytest.raises(VeraError, match=reason):
            FrameReader(path)
