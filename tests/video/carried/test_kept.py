"""Results that lost something beside samples are found out; what their files cannot hold is only told."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from tests.clips import make_clip
from tests.executable import ffmpeg
from tests.iso import clean_aperture, dolby_vision, with_record
from tests.video.test_orientation import MIRRORED, SKEWED, stamped

from vera.color.tags import ColorTags
from vera.layers import LayeredEdit, verify
from vera.layers.masters import write_master
from vera.video import Clip, FrameReader, FrameWriter, open_clip
from vera.video.arrays import bare_copy

pytestmark = [pytest.mark.faults, pytest.mark.filterwarnings("ignore::UserWarning")]


def nothing(source: Path) -> LayeredEdit:
    """Layers that cover no sample."""
    info = open_clip(source)
    shape = (len(info.pts), info.display_size[1], info.display_size[0])
    return LayeredEdit(np.zeros((*shape, 3), np.uint8), np.zeros(shape, np.uint16), info.pts, info.time_base, {})


def broken(source: Path | Clip, result: Path, kind: str = "exact") -> str | None:
    return verify(source, result, nothing(source if isinstance(source, Path) else source.path), kind).broken


def plain(folder: Path) -> Path:
    return make_clip(folder / "a.mp4", 12, audio=True, options={"g": "4", "qp": "10"}, color=ColorTags(1, 1, 1, 1))


def remux(*options: str | Path | float) -> Callable[[Path, Path], None]:
    def make(good: Path, bad: Path) -> None:
        at = options.index("INPUT") if "INPUT" in options else None
        if at is None:
            ffmpeg("-i", good, "-map", 0, "-c", "copy", *options, bad, silent=False)
        else:
            ffmpeg(*options[:at], "-i", good, "-map", 0, "-c", "copy", *options[at + 1 :], bad, silent=False)

    return make


DAMAGE = {
    "frame 1 is shown at": remux("-bsf:v", "setts=pts='PTS+3*gt(N,0)'"),
    "display matrix": remux("-display_rotation", 180, "INPUT"),
    "holds 0 tracks of sound": remux("-an"),
    "track 1 of the source differs from packet": remux("-bsf:a", "noise=drop='eq(n,3)'"),
    "track 1 of the source ends after": remux("-bsf:a", "noise=drop='gt(n,18)'"),
    "track 1 of the source is moved: packet": remux("-bsf:a", "setts=ts=TS+2400"),
    "pixel aspect": remux("-bsf:v", "h264_metadata=sample_aspect_ratio=4/3", "-aspect", "16:9"),
    "colour": remux("-bsf:v", "h264_metadata=matrix_coefficients=5"),
}


@pytest.mark.parametrize("line", DAMAGE)
@pytest.mark.parametrize("kind", ["exact", "smart"])
def test_what_is_lost_is_found(tmp_path: Path, line: str, kind: str) -> None:
    source = plain(tmp_path)
    write_master(source, nothing(source), tmp_path / "good.mp4", kind)
    assert broken(source, tmp_path / "good.mp4", kind) is None
    DAMAGE[line](tmp_path / "good.mp4", tmp_path / "bad.mp4")
    said = broken(source, tmp_path / "bad.mp4", kind)
    if line == "pixel aspect" and said is None:
        pytest.fail("the pixel aspect was not looked at")
    if kind == "exact" or "sound" in line or "track" in line:
        assert said is not None and line in said
    else:  # or the packets of the pictures tell first
        assert said is not None


@pytest.mark.parametrize("matrix", [MIRRORED, SKEWED])
def test_a_lost_matrix_is_found_where_the_file_could_hold_it(tmp_path: Path, matrix: tuple[int, ...]) -> None:
    source = stamped(tmp_path, matrix)
    for name, due in (("b.mp4", True), ("b.mkv", matrix == MIRRORED)):
        flat = tmp_path / f"flat-{name}"
        write_master(source, nothing(source), tmp_path / name)
        assert broken(source, tmp_path / name) is None
        shown_as_stored = replace(open_clip(source), display_matrix=None)
        with FrameReader(source) as reader, FrameWriter(flat, shown_as_stored, "h264-lossless") as writer:
            for frame in reader:
                writer.write(bare_copy(frame))  # FFmpeg takes the matrix from a frame that has it
        report = verify(source, flat, nothing(source))
        assert ("display matrix" in (report.broken or "")) == due
        assert due or any("display matrix" in line for line in report.lost)


def test_lost_cropping_is_found(tmp_path: Path) -> None:
    flat, source = make_clip(tmp_path / "flat.mov", 6), tmp_path / "a.mov"
    source.write_bytes(with_record(flat.read_bytes(), clean_aperture(48, 32)))
    for kind in ("exact", "smart"):
        write_master(source, nothing(source), tmp_path / f"{kind}.mov", kind)
        assert broken(source, tmp_path / f"{kind}.mov", kind) is None
    assert "cropping" in (broken(source, flat, "smart") or "")


def test_a_lost_record_of_dolby_vision_is_found_in_smart_masters(tmp_path: Path) -> None:
    flat, source = tmp_path / "flat.mov", tmp_path / "a.mov"
    tagged = ("-pix_fmt", "yuv420p10le", "-tag:v", "hvc1", "-x265-params", "keyint=4:log-level=none")
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=0.24", "-c:v", "libx265", *tagged, flat, silent=False)
    source.write_bytes(with_record(flat.read_bytes(), dolby_vision()))
    write_master(source, nothing(source), tmp_path / "b.mp4", "smart")
    assert broken(source, tmp_path / "b.mp4", "smart") is None
    ffmpeg("-i", source, "-c", "copy", tmp_path / "c.mp4", silent=False)
    assert "Dolby Vision" in (broken(source, tmp_path / "c.mp4", "smart") or "")
    write_master(source, nothing(source), tmp_path / "d.mp4")
    report = verify(source, tmp_path / "d.mp4", nothing(source))
    assert report.broken is None and any("Dolby Vision" in line for line in report.lost)


def test_a_master_without_sound_is_verified_as_such(tmp_path: Path) -> None:
    source = plain(tmp_path)
    write_master(open_clip(source, sound=False), nothing(source), tmp_path / "b.mp4")
    assert "tracks of sound" in (broken(source, tmp_path / "b.mp4") or "")
    assert broken(open_clip(source, sound=False), tmp_path / "b.mp4") is None


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".mov"])
def test_masters_of_broadcasts_and_of_trimmed_clips_hold(tmp_path: Path, suffix: str) -> None:
    flat = make_clip(tmp_path / "flat.mp4", 30, audio=True, options={"g": "5", "qp": "20"})
    ffmpeg("-i", flat, "-c", "copy", "-output_ts_offset", 36000, tmp_path / "a.ts")
    ffmpeg("-ss", "0.31", "-i", flat, "-t", "0.6", "-c", "copy", tmp_path / "a.mov")
    for name in ("a.ts", "a.mov"):
        source = tmp_path / name
        write_master(source, nothing(source), tmp_path / f"b{suffix}")
        assert broken(source, tmp_path / f"b{suffix}") is None


def test_times_in_matroska_may_be_rounded(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "a.mp4", 6, fps=Fraction(30000, 1001), audio=True)
    write_master(source, nothing(source), tmp_path / "b.mkv")
    assert broken(source, tmp_path / "b.mkv") is None


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
@pytest.mark.parametrize("left", [2, 5, 6, 7, 8, 9, 70])
def test_sound_that_ends_within_a_packet_is_kept_as_it_is(tmp_path: Path, left: int, suffix: str) -> None:
    """A recording that was stopped: its last packet of AAC has a header that promises more, or a piece of one."""
    source, result = tmp_path / "a.ts", tmp_path / f"b{suffix}"
    ffmpeg("-i", plain(tmp_path), "-c", "copy", tmp_path / "whole.ts", silent=False)
    with av.open(str(tmp_path / "whole.ts")) as whole, av.open(str(source), "w") as target:
        tracks = [target.add_stream_from_template(stream) for stream in whole.streams]
        packets = [packet for packet in whole.demux() if packet.size]
        last = max((packet for packet in packets if packet.stream_index == 1), key=lambda packet: packet.pts or 0)
        for packet in packets:
            if packet is last:
                packet = av.Packet(bytes(last)[:left])
                packet.pts, packet.dts, packet.time_base, packet.stream = last.pts, last.dts, last.time_base, tracks[1]
            else:
                packet.stream = tracks[packet.stream_index]
            target.mux(packet)
    with av.open(str(source)) as container:
        assert [packet.size for packet in container.demux(audio=0) if packet.size][-1] == left
    with FrameReader(source) as reader, FrameWriter(result, open_clip(source), audio_from=source) as writer:
        for frame in reader:
            writer.write(frame)
    assert broken(source, result) is None
