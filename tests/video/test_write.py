"""What is written: the source's samples, times, tags and sound, whole or not at all."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.clips import make_clip, make_frame, samples

from vera.color.tags import ColorTags
from vera.errors import VeraError
from vera.video import (
    CODECS,
    Clip,
    FrameReader,
    FrameWriter,
    default_codec,
    open_clip,
    planes,
)
from vera.video.sequence import PICTURES

TIMES = (0, 1000, 3000, 3500, 9000, 9090, 12000)


def copy(source: Path, out: Path, codec: str | None = None, info: Clip | None = None) -> Clip:
    """Write all frames of `source`, and its sound, to `out`."""
    with (
        FrameReader(source) as reader,
        FrameWriter(out, info or open_clip(source), codec, audio_from=source) as writer,
    ):
        for frame in reader:
            writer.write(frame)
    return open_clip(out)


def same_samples(one: Path, other: Path) -> bool:
    with FrameReader(one) as left, FrameReader(other) as right:
        return samples(left) == samples(right)


def seconds(info: Clip) -> list[Fraction]:
    return [pts * info.time_base for pts in info.pts]


def describe(pix_fmt: str, size: tuple[int, int] = (64, 48), path: Path = Path("source.mp4")) -> Clip:
    """What probe would tell of a clip of three frames."""
    depth = max(component.bits for component in av.VideoFormat(pix_fmt).components)
    times, tick = (0, 1, 2), Fraction(1, 25)
    return Clip(
        path, "mov", "h264", *size, size, pix_fmt, depth, tick, times, 3 * tick, 1 / tick, False, Fraction(1),
        ColorTags(), (), None,
    )  # fmt: skip


def packets(path: Path, kind: str) -> list[tuple[bytes, Fraction | None]]:
    """Payload and time of each packet of the tracks of that kind."""
    with av.open(str(path)) as container:
        streams = [stream for stream in container.streams if stream.type == kind]
        return [(bytes(p), None if p.pts is None else p.pts * p.time_base) for p in container.demux(streams) if p.size]


# Samples

LOSSLESS = {
    "ffv1": "yuv420p yuv422p yuv444p yuvj420p yuvj444p yuv411p yuv440p yuv420p10le yuv422p10le yuv444p10le yuv420p12le "
    "yuv444p12le yuv420p16le yuv444p16le gray gray10le gray16le gbrp10le gbrp16le bgra ya8 yuva420p yuva444p10le",
    "h264-lossless": "yuv420p yuv422p yuv444p yuvj420p yuvj422p yuvj444p yuv420p10le yuv422p10le yuv444p10le",
    "h265-lossless": "yuv420p yuv444p yuvj420p yuv422p10le yuv420p12le gray gray10le gbrp gbrp10le gbrp12le",
    "png": "rgb24 rgba gray gray16le rgb48le rgba64le ya8 ya16le",
    "tiff": "rgb24 rgba gray rgb48le rgba64le gray16le yuv420p yuv444p",
    "dpx": "rgb24 gbrp10le gbrp12le rgb48le rgba gray16le",
}


@pytest.mark.parametrize(
    ("codec", "pix_fmt"), [(codec, name) for codec in LOSSLESS for name in LOSSLESS[codec].split()]
)
def test_lossless_is_lossless(tmp_path: Path, codec: str, pix_fmt: str) -> None:
    assert CODECS[codec].lossless
    frames = [make_frame(pix_fmt=pix_fmt, seed=seed) for seed in range(3)]
    expected = samples(frames)
    suffix = CODECS[codec].suffixes[0]
    out = tmp_path / (f"new/out.####{suffix}" if suffix in PICTURES else f"out{suffix}")
    with FrameWriter(out, describe(pix_fmt), codec) as writer:
        for index, frame in enumerate(frames):
            frame.pts, frame.time_base = index, Fraction(1, 25)
            writer.write(frame)
    with FrameReader(out) as reader:
        assert samples(reader) == expected


def test_every_lossless_codec_is_tested() -> None:
    # EXR is written over the files of a source, in tests of its own.
    assert {*LOSSLESS, "exr"} == {name for name, codec in CODECS.items() if codec.lossless}


@pytest.mark.parametrize(
    ("codec", "pix_fmt", "least"),
    [
        ("h264", "yuv420p", 35),
        ("h265", "yuv420p10le", 35),
        ("prores", "yuv422p10le", 45),
        ("prores-4444", "yuv444p10le", 40),
    ],
)
def test_lossy_looks_alike(tmp_path: Path, codec: str, pix_fmt: str, least: float) -> None:
    out = tmp_path / "out.mov"
    frame = make_frame(pix_fmt=pix_fmt)
    height, width = planes(frame)[0].shape
    planes(frame)[0][...] = np.add.outer(np.arange(height), np.arange(width)) * 2 ** (
        frame.format.components[0].bits - 8
    )
    frame.pts, frame.time_base = 0, Fraction(1, 25)
    luma = planes(frame)[0].astype(float)
    with FrameWriter(out, describe(pix_fmt), codec) as writer:
        writer.write(frame)
    with FrameReader(out) as reader:
        found = next(iter(reader))
    # ProRes 4444 decodes to 12 bits.
    peaks = [2.0 ** each.format.components[0].bits for each in (found, frame)]
    error = np.square(planes(found)[0] / peaks[0] - luma / peaks[1]).mean()
    assert 10 * np.log10(1 / error) > least


@pytest.mark.parametrize("suffix", [".mov", ".mkv"])
@pytest.mark.parametrize("codec", ["h264", "h265", "prores"])
def test_lossy_loses_no_frame(tmp_path: Path, codec: str, suffix: str) -> None:
    source = make_clip(tmp_path / "a.mp4", 9, pix_fmt="yuv422p10le")
    assert copy(source, tmp_path / f"b{suffix}", codec).frame_count == 9
    with FrameReader(tmp_path / f"b{suffix}") as reader:
        assert sum(1 for _ in reader) == 9


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv444p", "yuv422p10le", "gray"])
def test_odd_sizes_in_ffv1(tmp_path: Path, pix_fmt: str) -> None:
    source = make_clip(tmp_path / "a.mkv", 3, (35, 27), pix_fmt=pix_fmt, codec="ffv1")
    copy(source, tmp_path / "b.mkv")
    assert same_samples(source, tmp_path / "b.mkv")


def test_odd_size_without_subsampling_in_h264(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "a.mkv", 3, (35, 27), pix_fmt="yuv444p", codec="ffv1")
    copy(source, tmp_path / "b.mp4")
    assert same_samples(source, tmp_path / "b.mp4")


# Times

RATES = [Fraction(24000, 1001), Fraction(30000, 1001), Fraction(25), Fraction(60), Fraction(120)]


@pytest.mark.parametrize("codec", ["h264-lossless", "h264", "h265"])
@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
@pytest.mark.parametrize("rate", RATES, ids=str)
def test_times_are_exact(tmp_path: Path, rate: Fraction, suffix: str, codec: str) -> None:
    before = open_clip(make_clip(tmp_path / f"a{suffix}", 12, fps=rate, options={"crf": "30"}))
    after = copy(before.path, tmp_path / f"b{suffix}", codec)
    for field in ("pts", "time_base", "duration", "average_rate", "is_vfr"):
        assert getattr(after, field) == getattr(before, field)


@pytest.mark.parametrize("codec", ["h264-lossless", "h264", "h265"])
@pytest.mark.parametrize("bframes", ["0", "3"])
def test_variable_rate_keeps_its_times(tmp_path: Path, bframes: str, codec: str) -> None:
    options = {"crf": "30", "bf": bframes}
    before = open_clip(make_clip(tmp_path / "a.mp4", 7, pts=TIMES, time_base=Fraction(1, 90000), options=options))
    after = copy(before.path, tmp_path / "b.mp4", codec)
    assert (after.pts, after.time_base, after.duration) == (TIMES, Fraction(1, 90000), before.duration)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.integers(1, 50_000), min_size=1, max_size=6), start=st.integers(0, 5000))
def test_any_times_are_kept(tmp_path: Path, steps: list[int], start: int) -> None:
    times = tuple((start + np.cumsum(steps)).tolist())
    info = replace(
        describe("yuv420p", (16, 16)),
        time_base=Fraction(1, 30000),
        pts=times,
        duration=Fraction(times[-1] - times[0] + 77, 30000),
        is_vfr=True,
    )
    with FrameWriter(tmp_path / "a.mp4", info) as writer:
        for pts in times:
            frame = make_frame((16, 16))
            frame.pts, frame.time_base = pts, info.time_base
            writer.write(frame)
    after = open_clip(tmp_path / "a.mp4")
    assert (after.pts, after.time_base, after.duration) == (times, info.time_base, info.duration)


def test_a_first_time_other_than_zero(tmp_path: Path) -> None:
    # A transport stream begins anywhere, and its sound before its pictures.
    before = open_clip(make_clip(tmp_path / "a.ts", audio=True))
    assert before.pts[0] > 0
    after = copy(before.path, tmp_path / "b.mp4")
    assert (after.pts, after.time_base) == (before.pts, before.time_base)


def test_matroska_rounds_to_milliseconds(tmp_path: Path) -> None:
    # With sound that starts before the pictures, which must not move them.
    before = open_clip(make_clip(tmp_path / "a.mp4", fps=Fraction(24000, 1001), audio=True))
    after = copy(before.path, tmp_path / "b.mkv")
    assert after.time_base == Fraction(1, 1000)
    assert max(abs(a - b) for a, b in zip(seconds(before), seconds(after), strict=True)) <= Fraction(1, 2000)


def test_matroska_refuses_what_it_would_merge(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "a.mp4", 3, pts=[0, 9000, 9001], time_base=Fraction(1, 90000))
    with pytest.raises(VeraError, match="less than 1 ms apart"):
        copy(source, tmp_path / "b.mkv")


def test_frames_before_time_zero(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "a.mkv", 4, pts=[-2, -1, 0, 1], codec="ffv1", muxer={"avoid_negative_ts": "disabled"})
    with pytest.raises(VeraError, match="before time 0"):
        copy(source, tmp_path / "b.mp4")
    after = copy(source, tmp_path / "b.mkv")
    assert seconds(after) == seconds(open_clip(source)) == [Fraction(pts, 25) for pts in (-2, -1, 0, 1)]


def test_part_of_a_clip(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "a.mp4", 8)
    with FrameReader(source) as reader, FrameWriter(tmp_path / "b.mp4", open_clip(source)) as writer:
        for frame, _ in zip(reader, range(3), strict=False):
            writer.write(frame)
    after = open_clip(tmp_path / "b.mp4")
    assert (after.pts, after.duration) == (open_clip(source).pts[:3], Fraction(3, 25))


# Tags


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize(
    ("suffix", "codec"), [(".mp4", "h264-lossless"), (".mov", "prores"), (".mkv", "h264-lossless"), (".mp4", "h265")]
)
def test_tags(tmp_path: Path, suffix: str, codec: str, rotation: int) -> None:
    before = open_clip(
        make_clip(
            tmp_path / f"a{suffix}",
            3,
            pix_fmt="yuv422p10le",
            rotation=rotation,
            color=ColorTags(1, 9, 16, 9),
            sample_aspect=Fraction(4, 3),
            timecode="01:02:03:04",
        )
    )
    after = copy(before.path, tmp_path / f"b{suffix}", codec)
    for field in ("display_matrix", "display_size", "color", "sample_aspect", "timecode", "pix_fmt", "bit_depth"):
        assert getattr(after, field) == getattr(before, field)
    assert before.orientation.turns == rotation // 90


@pytest.mark.parametrize(("codec", "suffix"), [("ffv1", ".mkv"), ("h264-lossless", ".mp4"), ("h265-lossless", ".mp4")])
@pytest.mark.parametrize("color", [ColorTags(2, 1, 1, 1), ColorTags(1, 6, 6, 6), ColorTags(1, 5, 1, 5)], ids=str)
def test_color_tags(tmp_path: Path, color: ColorTags, codec: str, suffix: str) -> None:
    source = make_clip(tmp_path / f"a{suffix}", 2, color=color)
    assert copy(source, tmp_path / f"b{suffix}", codec).color == color


def test_full_range_formats_keep_their_range(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "a.mp4", 2, pix_fmt="yuvj420p", color=ColorTags(2, 1, 1, 1))
    for name in ("b.mkv", "b.mp4"):
        assert copy(source, tmp_path / name).color.range == 2
        assert same_samples(source, tmp_path / name)


def test_matroska_would_lose_the_pixel_aspect_with_ffv1(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "a.mp4", sample_aspect=Fraction(4, 3))
    with pytest.raises(VeraError, match="h264-lossless"):
        copy(source, tmp_path / "b.mkv", "ffv1")
    assert copy(source, tmp_path / "b.mkv").sample_aspect == Fraction(4, 3)


def test_same_frames_same_bytes(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "a.mp4", audio=True)
    for suffix in (".mp4", ".mkv"):
        one, two = tmp_path / f"one{suffix}", tmp_path / f"two{suffix}"
        copy(source, one)
        copy(source, two)
        assert one.read_bytes() == two.read_bytes()


def test_the_sources_picture_types_are_not_repeated(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "a.mp4", 8, options={"crf": "20", "g": "1"})  # all I
    copy(source, tmp_path / "b.mp4", "h264")
    with av.open(str(tmp_path / "b.mp4")) as container:
        assert [packet.is_keyframe for packet in container.demux(video=0) if packet.size].count(True) == 1


# Sound


@pytest.mark.parametrize(
    ("source", "codec", "out"),
    [
        ("a.mp4", "aac", "b.mp4"),
        ("a.mp4", "aac", "b.mov"),
        ("a.mov", "pcm_s16le", "b.mov"),
        ("a.mkv", "libopus", "b.mkv"),
        ("a.mkv", "aac", "b.mp4"),
        ("a.mkv", "libopus", "b.mp4"),
    ],
)
def test_sound_is_copied_packet_by_packet(tmp_path: Path, source: str, codec: str, out: str) -> None:
    # Longer than the muxer's own interleaving window would be with all pictures first.
    clip = make_clip(tmp_path / source, 40, audio=codec)
    copy(clip, tmp_path / out)
    before, after = packets(clip, "audio"), packets(tmp_path / out, "audio")
    assert len(before) > 1
    assert [payload for payload, _ in after] == [payload for payload, _ in before]
    moved = [abs(a - b) for (_, a), (_, b) in zip(before, after, strict=True) if a is not None and b is not None]
    assert max(moved) <= (0 if {source[-4:], out[-4:]} <= {".mp4", ".mov"} else Fraction(1, 1000))


def test_aac_to_matroska_keeps_its_bytes(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", 40, audio=True)
    copy(clip, tmp_path / "b.mkv")
    assert [p for p, _ in packets(clip, "audio")] == [p for p, _ in packets(tmp_path / "b.mkv", "audio")]


def test_without_sound(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "a.mp4", audio=True)
    with FrameReader(source) as reader, FrameWriter(tmp_path / "b.mp4", open_clip(source)) as writer:
        for frame in reader:
            writer.write(frame)
    assert open_clip(tmp_path / "b.mp4").audio == ()


def test_sound_that_the_file_cannot_hold(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "a.mkv", audio="libopus")
    with pytest.raises(VeraError, match=r"opus sound; write \.mkv"):
        copy(source, tmp_path / "b.mov")
    assert [path.name for path in tmp_path.iterdir()] == ["a.mkv"]


# Which codec


@pytest.mark.parametrize(
    ("name", "pix_fmt", "codec"),
    [
        ("a.mp4", "yuv420p", "h264-lossless"),
        ("a.MOV", "yuv422p10le", "h264-lossless"),
        ("a.mkv", "yuv420p", "ffv1"),
        ("a.mov", "yuv420p12le", "h265-lossless"),
        ("a.mov", "rgb24", "png"),
        ("a.nut", "yuv420p", "ffv1"),
    ],
)
def test_default_codec(name: str, pix_fmt: str, codec: str) -> None:
    assert default_codec(name, pix_fmt) == codec


@pytest.mark.parametrize("name", ["a.txt", "a"])
def test_unknown_suffix(name: str) -> None:
    with pytest.raises(VeraError, match=r"\.mp4, \.mov or \.mkv"):
        default_codec(name)


@pytest.mark.parametrize(
    ("codec", "name", "pix_fmt", "size", "advice"),
    [
        ("h264-lossless", "b.mp4", "yuv420p12le", (64, 48), r"can't hold 64x48 yuv420p12le; use ffv1 \(\.mkv"),
        ("h264", "b.mp4", "yuv420p", (35, 27), r"can't hold 35x27 yuv420p; use ffv1 \(\.mkv, \.nut\)(?!.*dpx)"),
        ("h265", "b.mp4", "yuv422p", (35, 28), "use ffv1"),
        ("prores", "b.mov", "yuv420p", (64, 48), "use ffv1"),
        ("ffv1", "b.mkv", "rgb24", (64, 48), "use png"),
        ("ffv1", "b.mp4", "yuv420p", (64, 48), r"end its name in \.mkv or \.nut"),
        ("h266", "b.mp4", "yuv420p", (64, 48), "choose from ffv1, h264-lossless"),
        ("ffv1", "b.mkv", "yuyv422", (64, 48), "convert it"),
    ],
)
def test_what_a_codec_cannot_hold(
    tmp_path: Path, codec: str, name: str, pix_fmt: str, size: tuple[int, int], advice: str
) -> None:
    info = describe(pix_fmt, size)
    with pytest.raises(VeraError, match=advice) as caught:
        FrameWriter(tmp_path / name, info, codec)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_frame_unlike_the_first(tmp_path: Path) -> None:
    with pytest.raises(VeraError, match="a frame is 32x48 yuv420p where the first is 64x48"):  # noqa: SIM117
        with FrameWriter(tmp_path / "b.mp4", describe("yuv420p")) as writer:
            writer.write(make_frame((32, 48)))
    assert not list(tmp_path.iterdir())
