"""Smart masters: whatever an edit does not touch stays, byte for byte, and decodes as before, in any decoder's eyes."""

import warnings
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
import pytest
from tests.executable import ffmpeg, frame_hashes

from vera.color.tags import ColorTags
from vera.errors import VeraError
from vera.video import FrameReader, Orientation, open_clip, planes
from vera.video.smart.bits import UnsupportedError
from vera.video.smart.master import compare_packets, plan_smart, write_smart
from vera.video.smart.nal import split_lengths

FRAMES, GROUP = 36, 12
X264 = ("-c:v", "libx264", "-g", GROUP, "-bf", 3, "-sc_threshold", 0)
X265 = ("-c:v", "libx265", "-g", GROUP)
OPEN, CLOSED = "open-gop=1:b-adapt=0:bframes=3", "open-gop=0"
HRD = "nal-hrd=vbr:vbv-maxrate=900:vbv-bufsize=900"

# (codec x group of pictures x container), and the tools that change how slices are written.
SOURCES: dict[str, tuple[str, str, tuple[Any, ...]]] = {
    "h264 closed mp4": ("mp4", "yuv420p", (*X264, "-x264-params", CLOSED)),
    "h264 closed mov": ("mov", "yuv420p", (*X264, "-x264-params", CLOSED)),
    "h264 closed mkv": ("mkv", "yuv420p", (*X264, "-x264-params", CLOSED)),
    "h264 open mp4": ("mp4", "yuv420p", (*X264, "-x264-params", OPEN)),
    "h264 open mov": ("mov", "yuv420p", (*X264, "-x264-params", OPEN)),
    "h264 open mkv": ("mkv", "yuv420p", (*X264, "-x264-params", OPEN)),
    "h264 baseline": ("mp4", "yuv420p", (*X264, "-profile:v", "baseline")),
    "h264 main cavlc": ("mp4", "yuv420p", (*X264, "-profile:v", "main", "-coder", "vlc")),
    "h264 10 bit 4:2:2": ("mov", "yuv422p10le", (*X264, "-x264-params", OPEN)),
    "h264 4:4:4": ("mp4", "yuv444p", X264),
    "h264 pyramid": ("mp4", "yuv420p", (*X264, "-x264-params", f"{OPEN}:b-pyramid=normal:ref=5:weightp=2:bframes=5")),
    "h264 slices": ("mp4", "yuv420p", (*X264, "-x264-params", f"slices=3:aud=1:{HRD}")),
    "h264 intra only": ("mov", "yuv422p10le", ("-c:v", "libx264", "-g", 1)),
    "h264 full range": ("mp4", "yuv420p", (*X264, "-color_range", 2)),
    "h264 odd size": ("mp4", "yuv420p", (*X264, "-vf", "crop=150:90")),
    "h264 field rows": ("mp4", "yuv420p", (*X264, "-vf", "crop=150:80", "-x264-params", "fake-interlaced=1:weightp=0")),
    "h265 odd size": ("mp4", "yuv420p", (*X265, "-vf", "crop=150:90", "-x265-params", "log-level=error")),
    "h265 closed mp4": ("mp4", "yuv420p", (*X265, "-tag:v", "hvc1", "-x265-params", f"{CLOSED}:log-level=error")),
    "h265 closed mov": ("mov", "yuv420p", (*X265, "-x265-params", f"{CLOSED}:log-level=error")),
    "h265 closed mkv": ("mkv", "yuv420p", (*X265, "-x265-params", f"{CLOSED}:log-level=error")),
    "h265 open mp4": ("mp4", "yuv420p", (*X265, "-tag:v", "hvc1", "-x265-params", f"{OPEN}:log-level=error")),
    "h265 open mov": ("mov", "yuv420p", (*X265, "-x265-params", f"{OPEN}:log-level=error")),
    "h265 open mkv": ("mkv", "yuv420p", (*X265, "-x265-params", f"{OPEN}:log-level=error")),
    "h265 10 bit 4:2:2": ("mov", "yuv422p10le", (*X265, "-x265-params", f"{OPEN}:log-level=error:hash=1")),
    "h265 small blocks": (
        "mp4",
        "yuv420p",
        (*X265, "-x265-params", "log-level=error:ctu=16:max-tu-size=8:sao=0:strong-intra-smoothing=0:tu-intra-depth=2"),
    ),
    "h265 slices": ("mp4", "yuv420p", (*X265, "-x265-params", "log-level=error:slices=2:aud=1:repeat-headers=1")),
    "openh264": ("mp4", "yuv420p", ("-c:v", "libopenh264", "-g", GROUP, "-profile:v", "high", "-slices", 2)),
    "kvazaar": ("mp4", "yuv420p", ("-c:v", "libkvazaar", "-kvazaar-params", "period=12,gop=lp-g4d3t1,owf=0")),
    "kvazaar tiles": ("mkv", "yuv420p", ("-c:v", "libkvazaar", "-kvazaar-params", "period=12,gop=0,tiles=2x1,amp=1")),
    "h265 4:4:4 12 bit": ("mkv", "yuv444p12le", (*X265, "-x265-params", "log-level=error")),
}  # fmt: skip


class Packet(NamedTuple):
    pts: int
    dts: int | None
    key: bool
    data: bytes


def packets(path: Path, kind: str = "video") -> list[Packet]:
    with av.open(str(path)) as container:
        stream = getattr(container.streams, kind)[0]
        return [
            Packet(packet.pts, packet.dts, packet.is_keyframe, bytes(packet))
            for packet in container.demux(stream)
            if packet.size
        ]


def make(path: Path, *encoder: Any, pix_fmt: str = "yuv420p", frames: int = FRAMES) -> Path:
    picture = ("-f", "lavfi", "-i", "testsrc2=s=160x96:r=25", "-frames:v", frames, "-pix_fmt", pix_fmt)
    ffmpeg(*picture, *encoder, path, silent="libx26" in str(encoder))
    return path


def square(changed: set[int]) -> Callable[[av.VideoFrame], av.VideoFrame]:
    """An edit: 40 x 40 pixels in the middle of the given frames are grey."""

    def edited(frame: av.VideoFrame) -> av.VideoFrame:
        if frame.pts in changed:
            frame.make_writable()
            planes(frame)[0][20:60, 40:80] = 2 ** (frame.format.components[0].bits - 1)
        return frame

    return edited


def psnr(one: av.VideoFrame, other: av.VideoFrame) -> float:
    """Of the luma, in dB."""
    difference = planes(one)[0].astype(np.float64) - planes(other)[0]
    return 20 * float(np.log10(2 ** one.format.components[0].bits - 1)) - 10 * float(np.log10(np.mean(difference**2)))


def smart(source: Path, frames: range, out: Path | None = None) -> tuple[Path, set[int], frozenset[int]]:
    """Write the smart master of an edit of some frames; the result, times changed, times renewed."""
    info = open_clip(source)
    changed = set(info.pts[frames.start : frames.stop])
    out = out or source.with_stem("result")
    work = plan_smart(source, out.suffix, changed)
    write_smart(info, out, work, square(changed))
    return out, changed, work.renewed


@pytest.mark.parametrize("name", SOURCES)
def test_untouched_packets_stay_and_decode_as_before(tmp_path: Path, name: str) -> None:
    suffix, pix_fmt, encoder = SOURCES[name]
    source = make(tmp_path / f"source.{suffix}", *encoder, pix_fmt=pix_fmt)
    out, changed, renewed = smart(source, range(15, 19))

    before, after = packets(source), packets(out)
    assert [packet[:2] for packet in after] == [packet[:2] for packet in before]
    # A reader may see that a new picture, which needs no other, is as good as a keyframe.
    assert all(old.key == new.key or old.pts in renewed for old, new in zip(before, after, strict=True))
    kept = [new.data == old.data for old, new in zip(before, after, strict=True)]
    assert [packet.pts for packet, same in zip(before, kept, strict=True) if not same] == [
        packet.pts for packet in before if packet.pts in renewed
    ]
    times = open_clip(source).pts
    assert changed <= renewed <= set(times[GROUP : 2 * GROUP])  # the group of pictures that the edit touches, at most
    assert len(renewed) < GROUP

    # The executable decodes both files to the same samples at the same times, except where pictures were renewed.
    same = [a == b for a, b in zip(frame_hashes(source), frame_hashes(out), strict=True)]
    assert all(same[index] for index in range(FRAMES) if times[index] not in renewed)
    assert not any(same[index] for index in range(15, 19))
    assert {path.name for path in tmp_path.iterdir()} == {source.name, out.name}

    # The renewed pictures show the edit.
    edited = square(changed)
    with FrameReader(source) as sources, FrameReader(out) as results:
        quality = [psnr(edited(one), other) for one, other in zip(sources, results, strict=True) if one.pts in renewed]
    assert len(quality) == len(renewed) and min(quality) > 38


@pytest.mark.parametrize("name", ["h264 closed mp4", "h264 open mkv", "h264 baseline", "h264 odd size", "openh264"])
def test_another_decoder_agrees(tmp_path: Path, name: str) -> None:
    """OpenH264's decoder, of other code than FFmpeg's: kept frames as in the source, new ones as FFmpeg sees them."""
    suffix, pix_fmt, encoder = SOURCES[name]
    source = make(tmp_path / f"source.{suffix}", *encoder, pix_fmt=pix_fmt)
    out, _, renewed = smart(source, range(15, 19))
    hashes = [[line.split(",")[-1] for line in frame_hashes(path, "libopenh264")] for path in (source, out)]
    new = [line.split(",")[-1] for line in frame_hashes(out)]
    for index, time in enumerate(open_clip(source).pts):
        assert hashes[1][index] == (new if time in renewed else hashes[0])[index]


@pytest.mark.parametrize("name", ["h264 open mp4", "h264 open mkv", "h265 open mov", "h265 open mkv"])
def test_open_groups_are_open(tmp_path: Path, name: str) -> None:
    """The sources above have pictures that are shown before the keyframe that they follow, and these are renewed."""
    suffix, pix_fmt, encoder = SOURCES[name]
    source = make(tmp_path / f"source.{suffix}", *encoder, pix_fmt=pix_fmt)
    stream = packets(source)
    keys = [index for index, packet in enumerate(stream) if packet.key]
    leading = [packet.pts for packet in stream[keys[2] + 1 :] if packet.pts < stream[keys[2]].pts]
    assert leading
    times = open_clip(source).pts
    place = times.index(stream[keys[1]].pts)
    _, _, renewed = smart(source, range(place, place + 1))
    assert set(leading) <= renewed and stream[keys[2]].pts not in renewed


@pytest.mark.parametrize("codec", ["h264", "h265"])
@pytest.mark.parametrize("frames", [range(0, 1), range(35, 36), range(11, 13), range(0, 0)], ids=str)
def test_edits_at_the_ends_and_across_groups(tmp_path: Path, codec: str, frames: range) -> None:
    suffix, pix_fmt, encoder = SOURCES[f"{codec} open mp4"]
    source = make(tmp_path / f"source.{suffix}", *encoder, pix_fmt=pix_fmt)
    out, changed, renewed = smart(source, frames)
    same = [a == b for a, b in zip(frame_hashes(source), frame_hashes(out), strict=True)]
    times = open_clip(source).pts
    assert [times[index] in renewed for index in range(FRAMES) if not same[index]].count(False) == 0
    assert changed <= renewed and (renewed or out.stat().st_size)


def test_a_stream_without_restarts_is_renewed_to_its_end(tmp_path: Path) -> None:
    """Intra refresh: no picture is whole by itself, so all that follow the edit are predicted from it."""
    source = make(tmp_path / "source.mp4", *X264, "-x264-params", "intra-refresh=1:ref=1:b-pyramid=none")
    _, changed, renewed = smart(source, range(15, 19))
    times = open_clip(source).pts
    assert changed < renewed and set(times[19:]) <= renewed and not renewed & set(times[:12])


def test_a_lossless_stream_stays_lossless(tmp_path: Path) -> None:
    """Renewed pictures that the edit does not change decode to the source's samples, too."""
    for name, encoder in (
        ("a.mp4", (*X264, "-qp", 0)),
        ("b.mp4", (*X265, "-x265-params", "lossless=1:log-level=error")),
    ):
        source = make(tmp_path / name, *encoder)
        out, _, renewed = smart(source, range(15, 19), tmp_path / f"result-{name}")
        same = [a == b for a, b in zip(frame_hashes(source), frame_hashes(out), strict=True)]
        assert [index for index in range(FRAMES) if not same[index]] == [15, 16, 17, 18]
        assert len(renewed) > 4


def test_sound_times_tags_and_rotation_stay(tmp_path: Path) -> None:
    tags = "setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709"
    plain = make(tmp_path / "plain.mov", *X264, "-vf", tags, "-metadata", "timecode=01:02:03:04")
    source = tmp_path / "source.mov"
    ffmpeg("-display_rotation", 90, "-i", plain, "-f", "lavfi", "-i", "sine=d=1.44", "-map", "0:v", "-map", "1:a",
           "-c:v", "copy", "-c:a", "aac", "-metadata:s:a", "language=deu", source)  # fmt: skip
    out, _, _ = smart(source, range(15, 19))
    before, after = open_clip(source), open_clip(out)
    for field in ("pts", "time_base", "duration", "display_matrix", "color", "timecode", "sample_aspect", "audio"):
        assert getattr(after, field) == getattr(before, field)
    assert (
        before.orientation == Orientation(1)
        and before.color == ColorTags(1, 1, 1, 1)
        and before.timecode == "01:02:03:04"
    )
    assert packets(source, "audio") == packets(out, "audio") != []
    with av.open(str(source)) as one, av.open(str(out)) as other:
        assert one.streams.video[0].codec_context.codec_tag == other.streams.video[0].codec_context.codec_tag


def test_variable_rate_and_rounded_times(tmp_path: Path) -> None:
    source = tmp_path / "source.mp4"
    timed = "testsrc2=s=160x96:r=30000/1001,settb=1/30000,setpts=PTS+300*mod(N\\,3)"
    ffmpeg("-f", "lavfi", "-i", timed, "-frames:v", FRAMES, "-fps_mode", "passthrough", "-enc_time_base", "1:30000",
           "-pix_fmt", "yuv420p", *X264, source)  # fmt: skip
    assert open_clip(source).is_vfr
    out, _, _ = smart(source, range(15, 19))
    assert (open_clip(out).pts, open_clip(out).duration) == (open_clip(source).pts, open_clip(source).duration)
    copy = tmp_path / "copy.mkv"
    ffmpeg("-i", source, "-c", "copy", copy)
    out, _, renewed = smart(copy, range(15, 19), tmp_path / "result.mkv")
    assert compare_packets(copy, out, renewed).broken is None


def test_pixel_aspect_of_both_containers(tmp_path: Path) -> None:
    for suffix in ("mp4", "mkv"):
        source = make(tmp_path / f"source.{suffix}", *X264, "-vf", "setsar=4/3")
        assert open_clip(source).sample_aspect == Fraction(4, 3)
        assert open_clip(smart(source, range(3))[0]).sample_aspect == Fraction(4, 3)


@pytest.mark.faults
@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv"])
@pytest.mark.parametrize(("pictures", "shown"), [("1", "16:9"), ("4/3", "5:3")])
def test_a_pixel_aspect_that_the_file_alone_says(tmp_path: Path, suffix: str, pictures: str, shown: str) -> None:
    said = make(tmp_path / "said.mp4", *X264, "-vf", f"setsar={pictures}")
    ffmpeg("-i", said, "-c", "copy", "-aspect", shown, tmp_path / f"a.{suffix}", silent=False)
    source = open_clip(tmp_path / f"a.{suffix}")
    if suffix == "mkv":
        with pytest.raises(UnsupportedError, match="says another pixel aspect than its pictures"):
            smart(source.path, range(3))
    else:
        assert open_clip(smart(source.path, range(3))[0]).sample_aspect == source.sample_aspect
        assert source.sample_aspect == Fraction(shown.replace(":", "/")) * 96 / 160


def test_the_parameters_of_new_pictures_stand_in_the_header(tmp_path: Path) -> None:
    """Players of avc1 and hvc1 files need not look for them in the packets, and the source's own are still there."""
    for codec, parameters in (("h264", {7, 8}), ("h265", {32, 33, 34})):
        suffix, pix_fmt, encoder = SOURCES[f"{codec} closed mp4"]
        source = make(tmp_path / f"{codec}.{suffix}", *encoder, pix_fmt=pix_fmt)
        out, _, _ = smart(source, range(15, 19), tmp_path / f"result-{codec}.{suffix}")
        for packet in packets(out):
            units = split_lengths(packet.data, 4)
            kinds = {unit[0] & 31 if codec == "h264" else unit[0] >> 1 & 63 for unit in units}
            assert not kinds & parameters
        with av.open(str(source)) as one, av.open(str(out)) as other:
            before, after = (file.streams.video[0].codec_context.extradata for file in (one, other))
        assert before is not None and after is not None and len(before) < len(after) < len(before) + 40


def test_same_edit_same_bytes(tmp_path: Path) -> None:
    for name in ("h264 open mp4", "h265 open mkv"):
        suffix, pix_fmt, encoder = SOURCES[name]
        source = make(tmp_path / f"source.{suffix}", *encoder, pix_fmt=pix_fmt)
        one, _, _ = smart(source, range(15, 19), tmp_path / f"one.{suffix}")
        two, _, _ = smart(source, range(15, 19), tmp_path / f"two.{suffix}")
        assert one.read_bytes() == two.read_bytes()


def test_mastering_metadata_stay_in_the_packets_and_in_the_header(tmp_path: Path) -> None:
    display = "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1):max-cll=1000,400"
    tags = "colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc"
    source = make(tmp_path / "source.mp4", *X265, "-x265-params", f"{OPEN}:log-level=error:{display}:{tags}",
                  pix_fmt="yuv420p10le")  # fmt: skip
    out, _, renewed = smart(source, range(12, 13))
    assert open_clip(out).pts[12] in renewed
    assert open_clip(out).hdr == open_clip(source).hdr is not None
    with av.open(str(source)) as one, av.open(str(out)) as other:
        for before, after in zip(one.decode(video=0), other.decode(video=0), strict=True):
            kinds = [{str(data.type) for data in frame.side_data} for frame in (before, after)]
            assert kinds[0] == kinds[1]


@pytest.mark.parametrize("name", ["h264 open mp4", "h265 open mkv"])
def test_damaged_streams_are_refused_or_pass_the_checks(tmp_path: Path, name: str) -> None:
    """Whatever bytes are wrong: a master that holds, or a reason in words."""
    suffix, pix_fmt, encoder = SOURCES[name]
    data = make(tmp_path / f"whole.{suffix}", *encoder, pix_fmt=pix_fmt, frames=20).read_bytes()
    with av.open(str(tmp_path / f"whole.{suffix}")) as container:
        record = container.streams.video[0].codec_context.extradata
    assert record is not None
    header = data.index(record)
    random = np.random.default_rng(0)
    refused = 0
    for round_ in range(40):
        mutated = bytearray(data)
        low, high = (header, header + len(record)) if round_ % 2 else (0, len(data))
        for place in random.integers(low, high, 1 + round_ % 4):
            mutated[place] = random.integers(0, 256)
        source = tmp_path / f"source.{suffix}"
        source.write_bytes(mutated)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                smart(source, range(15, 17), tmp_path / f"result.{suffix}")
            except (UnsupportedError, VeraError) as error:
                refused += 1
                assert "\n" not in str(error)
        assert not (tmp_path / f".result.partial.{suffix}").exists()
    assert 0 < refused < 40
