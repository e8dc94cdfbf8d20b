"""What a smart master refuses, finds afterwards, or leaves whole when it is stopped."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from av.packet import Packet
from tests.conftest import small_disk
from tests.executable import ffmpeg
from tests.video.smart.test_master import X264, X265, make, smart, square

from vera.errors import VeraError
from vera.video import FrameReader, open_clip
from vera.video.smart.bits import UnsupportedError
from vera.video.smart.encoder import digest
from vera.video.smart.master import _renewed, check_smart, compare_packets, plan_smart, write_smart

# What cannot be done is said


@pytest.mark.parametrize(
    ("name", "out", "encoder", "words"),
    [
        ("a.mp4", "b.mp4", ("-c:v", "mpeg4"), "its codec is mpeg4"),
        ("a.mkv", "b.mkv", ("-c:v", "ffv1"), "its codec is ffv1"),
        ("a.mp4", "b.mkv", X264, r"from \.mp4 to \.mkv"),
        ("a.ts", "b.ts", X264, r"from \.ts to \.ts"),
        ("a.mp4", "b.mp4", (*X264, "-x264-params", "cqm=jvt"), "quantisation matrices"),
        ("a.mp4", "b.mp4", (*X265, "-x265-params", "log-level=error:scaling-list=default"), "quantisation matrices"),
        ("a.mp4", "b.mp4", (*X264, "-x264-params", "interlaced=1:weightp=0"), "interlaced"),
    ],
)
def test_streams_that_cannot_be_edited_in_parts(
    tmp_path: Path, name: str, out: str, encoder: tuple[Any, ...], words: str
) -> None:
    source = make(tmp_path / name, *encoder)
    with pytest.raises(UnsupportedError, match=words):
        plan_smart(source, Path(out).suffix, set(range(3)))


def test_pictures_hidden_by_an_edit_list(tmp_path: Path) -> None:
    whole = make(tmp_path / "whole.mp4", *X264)
    source = tmp_path / "source.mp4"
    ffmpeg("-ss", 0.6, "-i", whole, "-c", "copy", source)
    with pytest.raises(UnsupportedError, match="hides pictures"):
        plan_smart(source, ".mp4", set())


def test_parameters_that_change_on_the_way(tmp_path: Path) -> None:
    one = make(tmp_path / "one.h264", *X264, frames=12)
    two = make(tmp_path / "two.h264", *X264, "-x264-params", "ref=1:cabac=0", frames=12)
    both = tmp_path / "both.h264"
    both.write_bytes(one.read_bytes() + two.read_bytes())
    source = tmp_path / "source.mkv"
    ffmpeg("-r", 25, "-i", both, "-c", "copy", "-bsf:v", "setts=pts=N*40:dts=N*40:time_base=1/1000", source)
    with pytest.raises(UnsupportedError, match="parameters on the way"):
        plan_smart(source, ".mkv", {0})


@pytest.mark.faults
def test_a_new_picture_that_is_longer_than_packets_can_say() -> None:
    stream: Any = SimpleNamespace(length_size=1, graft=lambda units, picture: [picture])
    with pytest.raises(UnsupportedError, match="as long as the new ones"):
        _renewed(Packet(b"\1a"), stream, bytes(256))


def test_a_result_that_was_encoded_again_is_found(tmp_path: Path) -> None:
    source = make(tmp_path / "source.mp4", *X264)
    again = tmp_path / "again.mp4"
    ffmpeg("-i", source, *X264, again)
    work = plan_smart(source, ".mp4", set())
    with pytest.raises(UnsupportedError, match=r"packet 0 is not that of source\.mp4"):
        check_smart(open_clip(source), again, work, {})
    short = tmp_path / "short.mp4"
    ffmpeg("-i", source, "-c", "copy", "-frames:v", 20, short)
    assert "not as many packets" in (compare_packets(source, short, ()).broken or "")
    late = tmp_path / "late.mp4"
    ffmpeg("-i", source, "-c", "copy", "-bsf:v", "setts=pts=PTS+512*gte(N\\,9):dts=DTS+512*gte(N\\,9)", late)
    assert "packet 9 is not shown when" in (compare_packets(source, late, ()).broken or "")


def test_a_new_picture_that_decodes_to_something_else_is_found(tmp_path: Path) -> None:
    source = make(tmp_path / "source.mp4", *X264)
    out, changed, renewed = smart(source, range(15, 19))
    work = plan_smart(source, ".mp4", changed)
    with FrameReader(out) as reader:
        digests = {frame.pts: digest(frame) for frame in reader if frame.pts in renewed}
    check_smart(open_clip(source), out, work, digests)
    digests[open_clip(source).pts[17]] = bytes(16)
    with pytest.raises(UnsupportedError, match="frame 17 would not decode as it was encoded"):
        check_smart(open_clip(source), out, work, digests)


def test_interrupted(tmp_path: Path) -> None:
    source = make(tmp_path / "source.mp4", *X264)
    info = open_clip(source)
    work = plan_smart(source, ".mp4", set(info.pts[15:19]))
    stages = []
    for where in ("master", "verify"):

        def interrupt(stage: str, done: int, total: int, where: str = where) -> None:
            stages.append(stage)
            if stage == where and done > 9:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            write_smart(info, tmp_path / "result.mp4", work, square(set()), interrupt)
        assert [path.name for path in tmp_path.iterdir()] == ["source.mp4"]
    assert set(stages) == {"master", "verify"}


def test_folder_missing(tmp_path: Path) -> None:
    source = make(tmp_path / "source.mp4", *X264)
    work = plan_smart(source, ".mp4", set())
    with pytest.raises(VeraError, match="writing failed"):
        write_smart(open_clip(source), tmp_path / "gone" / "result.mp4", work, square(set()))


@pytest.mark.parametrize("limit", [0, 9000])
def test_disk_full(tmp_path: Path, limit: int) -> None:
    source = make(tmp_path / "source.mp4", *X264)
    assert source.stat().st_size > limit
    work = plan_smart(source, ".mp4", set(open_clip(source).pts[15:19]))
    with small_disk(limit), pytest.raises(VeraError, match="the disk is full"):
        write_smart(open_clip(source), tmp_path / "result.mp4", work, square(set()))
    assert [path.name for path in tmp_path.iterdir()] == ["source.mp4"]
