"""Frames by number are those of reading in order: every codec and container, in any order."""

import random
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.clips import make_clip as new_clip

from vera.errors import VeraError
from vera.video import Clip, FrameSeeker, open_clip, planes
from vera.video.seeking import _size, key_positions

X264 = {"crf": "20", "preset": "veryfast", "g": "10"}
CASES: dict[str, dict[str, Any]] = {
    "b-frames": {"codec": "libx264", "options": X264 | {"bf": "3", "x264-params": "b-pyramid=normal"}},
    "open-gop": {"codec": "libx264", "options": X264 | {"bf": "3", "x264-params": "open-gop=1:scenecut=0"}},
    "no-key-but-the-first": {"codec": "libx264", "options": X264 | {"g": "999", "x264-params": "intra-refresh=1"}},
    "hevc-open-gop": {"codec": "libx265", "options": {"x265-params": "keyint=10:min-keyint=10:open-gop=1:log-level=0"}},
    "mpeg2": {"codec": "mpeg2video", "options": {"g": "8", "bf": "2"}, "suffix": ".mkv"},
    "mpeg4": {"codec": "mpeg4", "options": {"g": "8", "bf": "2"}},
    "vp9": {"codec": "libvpx-vp9", "options": {"g": "8", "deadline": "realtime", "cpu-used": "8"}, "suffix": ".webm"},
    "prores": {"codec": "prores_ks", "pix_fmt": "yuv422p10le", "suffix": ".mov"},
    "ffv1": {"codec": "ffv1", "suffix": ".mkv"},
    "avi": {"codec": "mpeg4", "options": {"g": "8", "bf": "2"}, "suffix": ".avi"},
    "transport": {"codec": "libx264", "options": X264 | {"bf": "2"}, "suffix": ".ts"},
    "transport-open-gop": {"codec": "mpeg2video", "options": {"g": "8", "bf": "2"}, "suffix": ".ts"},
    "disc": {"codec": "mpeg2video", "options": {"g": "8", "bf": "2"}, "suffix": ".mpg"},
    "vp8": {"codec": "libvpx", "options": {"g": "8", "auto-alt-ref": "1", "lag-in-frames": "8"}, "suffix": ".webm"},
    "vfr": {"codec": "libx264", "options": X264 | {"bf": "2"}, "time_base": Fraction(1, 600)},
    "turned": {"codec": "libx264", "options": X264, "rotation": 90},
    "one-frame": {"codec": "libx264", "options": X264, "frames": 1},
}


def frames_in_order(clip: Clip) -> list[list[np.ndarray]]:
    with clip.frames() as reader:
        return [[plane.copy() for plane in planes(frame)] for frame in reader]


def clip_of(folder: Path, case: str) -> Clip:
    how = {"frames": 37, "size": (64, 48)} | CASES[case]
    suffix = how.pop("suffix", ".mp4")
    if case == "vfr":
        how["pts"] = sorted(random.Random(3).sample(range(0, 3000, 3), 37))
    return open_clip(new_clip(folder / f"in{suffix}", **how))


def check(seeker: FrameSeeker, wanted: list[list[np.ndarray]], order: list[int]) -> None:
    for number in order:
        frame = seeker[number]
        assert frame.pts == seeker.clip.pts[number]
        found = planes(frame)
        assert all(np.array_equal(a, b) for a, b in zip(found, wanted[number], strict=True)), number


@pytest.mark.parametrize("case", CASES)
def test_any_order_gives_the_frames_of_reading_in_order(case: str, tmp_path: Path) -> None:
    clip = clip_of(tmp_path, case)
    wanted = frames_in_order(clip)
    numbers = list(range(len(wanted)))
    jumps = random.Random(7).sample(numbers, len(numbers))
    with FrameSeeker(clip, memory=6 * 64 * 48 * 2) as seeker:
        check(seeker, wanted, [*jumps, *reversed(numbers), *numbers])
    with FrameSeeker(clip) as seeker:
        check(seeker, wanted, [*reversed(numbers), *jumps])


@pytest.mark.parametrize("case", ["transport", "transport-open-gop", "mpeg2", "mpeg4", "vp8"])
def test_a_file_whose_packets_are_no_frames_is_entered_in_the_middle(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = clip_of(tmp_path, case)
    with FrameSeeker(clip) as seeker:
        entered: list[int] = []
        enter = seeker._enter
        monkeypatch.setattr(seeker, "_enter", lambda key: (entered.append(key), enter(key)))
        assert seeker[30].pts == clip.pts[30]
        assert entered and min(entered) > 8


@pytest.fixture(scope="module")
def reordered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Clip, list[list[np.ndarray]]]:
    clip = clip_of(tmp_path_factory.mktemp("seeking"), "open-gop")
    return clip, frames_in_order(clip)


@settings(max_examples=25, deadline=None)
@given(order=st.lists(st.integers(0, 36), min_size=1, max_size=12), kept=st.integers(1, 40))
def test_any_memory_and_order(reordered: tuple[Clip, list[list[np.ndarray]]], order: list[int], kept: int) -> None:
    clip, wanted = reordered
    with FrameSeeker(clip, memory=kept * 64 * 48 * 2) as seeker:
        check(seeker, wanted, order)


def test_it_begins_at_key_frames_and_keeps_a_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = clip_of(tmp_path, "b-frames")
    keys = key_positions(clip)
    assert keys[0] == 0 and len(keys) >= 4 and max(b - a for a, b in pairwise(keys)) <= 10
    second, third = keys[1:3]
    with FrameSeeker(clip) as seeker:
        entered: list[int] = []
        enter = seeker._enter
        monkeypatch.setattr(seeker, "_enter", lambda key: (entered.append(key), enter(key)))
        for number in (third + 4, third + 3, third, third + 5, second - 1, third + 1):
            seeker[number]
        assert entered == [third, 0]


@pytest.mark.parametrize("suffix", [".png", ".tif", ".dpx", ".exr"])
def test_pictures_of_a_sequence(suffix: str, tmp_path: Path) -> None:
    if suffix == ".exr":
        pytest.importorskip("OpenEXR")
    folder = tmp_path / "shot"
    folder.mkdir()
    for number in range(9):
        write_still(folder / f"shot.{1001 + number}{suffix}", number)
    clip = open_clip(folder)
    wanted = frames_in_order(clip)
    with FrameSeeker(clip, memory=3 * 64 * 48 * 12) as seeker:
        check(seeker, wanted, [7, 2, 3, 8, 0, 5, 5, 4, 1])


def write_still(path: Path, number: int) -> None:
    colors = np.random.default_rng(number).random((48, 64, 3), np.float32)
    if path.suffix == ".exr":
        import OpenEXR

        header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
        OpenEXR.File(header, {"RGB": colors}).write(str(path))
        return
    codec = {".png": "png", ".tif": "tiff", ".dpx": "dpx"}[path.suffix]
    frame = av.VideoFrame.from_ndarray((colors * 255).astype(np.uint8), "rgb24")
    with av.open(str(path), "w", format="image2", options={"update": "1"}) as container:
        stream: Any = container.add_stream(codec, rate=1)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "rgb24"
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def test_interlaced_frames_are_read_in_order(tmp_path: Path) -> None:
    flags = {"g": "6", "flags": "+ildct+ilme", "field_order": "tt"}
    path = new_clip(tmp_path / "in.mkv", frames=12, codec="mpeg2video", options=flags)
    clip = open_clip(path, deinterlace=True)
    with FrameSeeker(clip) as seeker:
        check(seeker, frames_in_order(clip), [5, 4, 11, 0])


def test_what_there_is_not(make_clip: Callable[..., Path]) -> None:
    clip = open_clip(make_clip("in.mp4", frames=4))
    with FrameSeeker(clip) as seeker:
        for number in (-1, 4):
            with pytest.raises(IndexError, match="no frame"):
                seeker[number]
        assert len(seeker) == 4


@pytest.mark.faults
def test_of_a_damaged_clip_every_frame_is_there_and_whole_groups_are_as_in_order(tmp_path: Path) -> None:
    path = tmp_path / "in.mkv"
    new_clip(path, frames=30, size=(128, 96), codec="libx264", options=X264)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 300] = bytes(300)
    path.write_bytes(data)
    with pytest.warns(UserWarning):
        clip = open_clip(path)
        wanted = frames_in_order(clip)
        with FrameSeeker(clip) as seeker:
            check(seeker, wanted, [29, 3])
            # What a decoder of several threads makes of the damaged group is not always the same.
            assert [seeker[number].pts for number in (17, 15, 14, 16)] == [clip.pts[n] for n in (17, 15, 14, 16)]
            check(seeker, wanted, [29, 3])


@pytest.mark.faults
def test_a_clip_that_was_replaced_is_told(make_clip: Callable[..., Path]) -> None:
    path = make_clip("in.mp4", frames=4)
    clip = open_clip(path)
    seeker = FrameSeeker(clip)
    make_clip("in.mp4", frames=9)
    with pytest.raises(VeraError, match="was changed or replaced"):
        seeker[2]


@pytest.mark.faults
def test_frames_that_are_decoded_again_count_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long one scrubs, a group of pictures that fits is decoded once when it is gone through backwards."""
    clip = open_clip(new_clip(tmp_path / "a.mp4", 60, options=X264 | {"bf": "0", "g": "20"}))
    with FrameSeeker(clip, memory=30 * 64 * 48 * 2) as seeker:
        for number in random.Random(1).choices(range(60), k=100):
            seeker[number]
            assert seeker._used == sum(map(_size, seeker._kept.values())) <= seeker._memory
        decoded: list[int] = []
        keep = seeker._keep
        monkeypatch.setattr(seeker, "_keep", lambda number, frame: (decoded.append(number), keep(number, frame)))
        for number in range(39, 19, -1):
            seeker[number]
        assert len(decoded) == len(set(decoded)) <= 20
