"""Clips whose size, format, pixel aspect or colours change: refused with the time, and before long work."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.clips import make_clip, make_frame
from tests.executable import ffmpeg

from vera.errors import VeraError
from vera.video import FrameReader, FrameWriter, open_clip
from vera.video.decoding.kind import check_kind

pytestmark = pytest.mark.faults

Parts = tuple[tuple[str, ...], tuple[str, ...]]
H264 = ("-c:v", "libx264", "-g", "10", "-preset", "ultrafast")
# What is joined: file, what differs, and what is said.
CHANGES: dict[str, tuple[str, tuple[str, ...], Parts, str]] = {
    "size vp8": (
        "a.webm",
        ("-c:v", "libvpx", "-deadline", "realtime"),
        (("-s", "64x48"), ("-s", "80x48")),
        "is 80x48 yuv420p, pixel aspect 1 at 1.000 s, but 64x48",
    ),
    "size h264": ("a.ts", H264, (("-s", "64x48"), ("-s", "80x48")), "is 80x48 yuv420p"),
    "format h264": ("a.ts", H264, (("-pix_fmt", "yuv420p"), ("-pix_fmt", "yuv422p")), "yuv422p, pixel aspect 1 at"),
    "aspect h264": ("a.ts", H264, (("-vf", "setsar=1"), ("-vf", "setsar=4/3")), "pixel aspect 4/3 at"),
    "aspect mpeg2": (
        "a.mpg",
        ("-c:v", "mpeg2video"),
        (("-vf", "setsar=1"), ("-vf", "setsar=4/3")),
        "pixel aspect 4/3 at",
    ),
    "matrix h264": ("a.ts", H264, (("-colorspace", "bt709"), ("-colorspace", "smpte170m")), "is in BT.601, limited at"),
    "range h264": ("a.ts", H264, (("-color_range", "tv"), ("-pix_fmt", "yuv420p", "-color_range", "pc")), ", full at"),
    "matrix mpeg2": (
        "a.mpg",
        ("-c:v", "mpeg2video"),
        (("-colorspace", "bt709"), ("-colorspace", "smpte170m")),
        "is in BT.601, limited at",
    ),
    "size mjpeg": ("a.mkv", ("-c:v", "mjpeg"), (("-s", "64x48"), ("-s", "80x48")), "is 80x48 yuvj?420p"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_clip_that_changes_is_refused(tmp_path: Path, change: str) -> None:
    name, codec, parts, said = CHANGES[change]
    clip = tmp_path / name
    for index, options in enumerate(parts):
        given = ("-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=1")
        pix_fmt = () if "-pix_fmt" in options else ("-pix_fmt", "yuv420p")
        ffmpeg(*given, *pix_fmt, *options, *codec, tmp_path / f"{index}{clip.suffix}", silent=False)
    (tmp_path / "list").write_text("".join(f"file {index}{clip.suffix}\n" for index in range(2)))
    ffmpeg("-f", "concat", "-i", tmp_path / "list", "-c", "copy", clip, silent=False)

    def read(path: Path) -> None:
        with FrameReader(path) as reader:
            list(reader)

    works: tuple[Callable[[Path], object], ...] = (check_kind, read)
    for work in works:
        with pytest.raises(VeraError, match=said) as caught:
            work(clip)
        assert str(caught.value).startswith(str(clip)) and "\n" not in str(caught.value)
        assert re.search(r" at (1\.[045]|2\.[34])\d\d s", str(caught.value))  # broadcast's clocks start later


@pytest.mark.parametrize("late", [1, 2])
def test_an_aspect_that_changes_at_the_end_is_found_before_the_work(tmp_path: Path, late: int) -> None:
    """Pictures of a stream that reorders them come when the last key frames have long gone in."""
    for index, aspect in enumerate(("1", "4/3")):
        given = ("-f", "lavfi", "-i", f"testsrc2=s=64x48:r=25:d={1 if index == 0 else late},setsar={aspect}")
        ffmpeg(*given, "-pix_fmt", "yuv420p", "-c:v", "libx264", "-bf", 3, "-g", 25, tmp_path / f"{index}.ts")
    (tmp_path / "list").write_text("file 0.ts\nfile 1.ts\n")
    ffmpeg("-f", "concat", "-i", tmp_path / "list", "-c", "copy", tmp_path / "a.ts", silent=False)
    with pytest.raises(VeraError, match=r"pixel aspect 4/3 at 2\.[45]"):
        check_kind(tmp_path / "a.ts")


def test_colours_told_in_other_words_are_no_change(tmp_path: Path) -> None:
    """What is untagged is BT.601 at this size, whose matrix has two names; SDR's transfers are shown alike."""
    words = ((), ("-colorspace", "bt470bg"), ("-colorspace", "smpte170m", "-color_trc", "bt709"))
    for index, options in enumerate(words):
        given = ("-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=1", "-pix_fmt", "yuv420p")
        ffmpeg(*given, *options, *H264, tmp_path / f"{index}.ts", silent=False)
    (tmp_path / "list").write_text("".join(f"file {index}.ts\n" for index in range(len(words))))
    ffmpeg("-f", "concat", "-i", tmp_path / "list", "-c", "copy", tmp_path / "a.ts", silent=False)
    check_kind(tmp_path / "a.ts")
    with FrameReader(tmp_path / "a.ts") as reader:
        assert {int(frame.colorspace) for frame in reader} == {2, 5, 6}


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi"])
def test_a_clip_of_one_kind_is_taken(tmp_path: Path, name: str) -> None:
    check_kind(make_clip(tmp_path / name, 30, options={"bf": "2", "g": "5"}))


def test_a_picture_of_another_kind_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    for start, pix_fmt in ((1, "rgb24"), (3, "gray")):
        clip = make_clip(tmp_path / f"{pix_fmt}.mkv", 2, pix_fmt="bgr0" if pix_fmt == "rgb24" else "gray", codec="ffv1")
        folder.mkdir(exist_ok=True)
        ffmpeg("-i", clip, "-start_number", start, "-pix_fmt", pix_fmt, folder / "s.%04d.tiff", silent=False)
    info = open_clip(folder)
    with (
        pytest.raises(VeraError, match=r"in/s\.0003\.tiff: is 64x48 gray, .* but 64x48 rgb24"),
        FrameReader(folder) as reader,
    ):
        list(reader)
    assert info.frame_count == 4


def test_a_frame_of_ones_own_is_still_checked_when_it_is_written(tmp_path: Path) -> None:
    info = open_clip(make_clip(tmp_path / "a.mp4"))
    with pytest.raises(VeraError, match="a frame is 32x32"), FrameWriter(tmp_path / "b.mkv", info) as writer:
        writer.write(make_frame((32, 32)))
    assert not (tmp_path / "b.mkv").exists()
