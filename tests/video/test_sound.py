"""Sound on its way into a result: what the muxer takes, what an edit list hides, times that step back, odd clocks."""

import io
import itertools
import re
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from imageio_ffmpeg import get_ffmpeg_exe
from tests.clips import make_clip
from tests.executable import ffmpeg
from tests.iso import with_edits

from vera.errors import VeraError
from vera.video import Clip, FrameWriter, as_clip, check_output, open_clip
from vera.video.carried.carry import sound_lost
from vera.video.carried.kept import compare_films
from vera.video.carried.packets import fit_packets

pytestmark = pytest.mark.faults
PICTURES = ("-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=0.4")
TONE = ("-f", "lavfi", "-i", "sine=440:r=48000:d=0.4")


def copy(source: Path | Clip, out: Path, codec: str | None = None) -> tuple[Clip, list[str]]:
    info = as_clip(source)
    with info.frames() as reader, FrameWriter(out, info, codec, audio_from=info.path) as writer:
        for frame in reader:
            writer.write(frame)
    return open_clip(out), writer.notices


def packets(path: Path, track: str = "0:a:0") -> list[list[str]]:
    """Time, decoding time, length and hash of each packet, by the executable, on the file's own clock."""
    command = [get_ffmpeg_exe(), "-v", "error", "-copyts", "-i", path, "-map", track, "-c", "copy", "-f", "framemd5"]
    said = subprocess.run([*command, "-"], capture_output=True, text=True, check=True).stdout.splitlines()
    lines = [re.split(r",\s*", line) for line in said if not line.startswith("#")]
    return [[line[2], line[1], line[3], line[5]] for line in lines]


def heard(path: Path) -> tuple[float, float]:
    """When the executable decodes the first sample of sound, and when the last ends, in seconds."""
    command = [get_ffmpeg_exe(), "-v", "error", "-copyts", "-i", path, "-map", "0:a:0", "-f", "framemd5", "-"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    base = next(Fraction(line.split()[-1]) for line in said if line.startswith("#tb"))
    frames = [line.split(",") for line in said if not line.startswith("#")]
    return float(int(frames[0][2]) * base), float((int(frames[-1][2]) + int(frames[-1][3])) * base)


# What the muxer takes

KINDS = [
    ("wmv", ("-c:v", "wmv2", "-c:a", "wmav2"), {".mkv"}),
    ("avi", ("-c:v", "mpeg4", "-c:a", "adpcm_ms"), {".mkv", ".nut"}),
    ("avi", ("-c:v", "mpeg4", "-c:a", "adpcm_ima_wav"), {".mkv"}),
    ("avi", ("-c:v", "mpeg4", "-c:a", "pcm_alaw"), {".mkv", ".mov", ".nut"}),
    ("avi", ("-c:v", "mpeg4", "-c:a", "pcm_mulaw"), {".mkv", ".mov", ".nut"}),
    ("3gp", ("-c:v", "mpeg4", "-ar", 8000, "-b:a", "12.2k", "-c:a", "libopencore_amrnb"), {".mkv", ".mov"}),
    ("m2ts", ("-c:v", "libx264", "-ac", 2, "-c:a", "pcm_bluray", "-f", "mpegts"), set()),
    ("mkv", ("-c:v", "libx264", "-c:a", "flac"), {".mkv", ".mp4", ".nut"}),
    ("mkv", ("-c:v", "libx264", "-c:a", "libopus"), {".mkv", ".mp4", ".nut"}),
    ("mov", ("-c:v", "libx264", "-c:a", "pcm_s24le"), {".mkv", ".mov", ".nut"}),
    ("nut", ("-c:v", "libx264", "-c:a", "libopus"), {".mkv", ".mp4", ".nut"}),
    ("mkv", ("-c:v", "libx264", "-ar", 16000, "-c:a", "g722"), {".mkv"}),
    ("flv", ("-c:v", "flv", "-ar", 44100, "-c:a", "adpcm_swf"), set()),
    ("mxf", ("-c:v", "mpeg2video", "-c:a", "pcm_s16le"), {".mkv", ".mov"}),
]


@pytest.mark.parametrize(("suffix", "options", "held"), KINDS)
def test_what_is_said_to_hold_the_sound_does(
    tmp_path: Path, suffix: str, options: tuple[str, ...], held: set[str]
) -> None:
    source = tmp_path / f"a.{suffix}"
    ffmpeg(*PICTURES, *TONE, "-pix_fmt", "yuv420p", *options, "-shortest", source, silent=False)
    found = {name for name in (".mkv", ".mov", ".mp4", ".nut") if not sound_lost(source, name)}
    assert found >= held
    for name in (".mkv", ".mov", ".mp4"):
        if name not in found:
            with pytest.raises(VeraError, match="such a file can't hold the source's") as caught:
                check_output(tmp_path / f"b{name}", open_clip(source), None, source)
            advice = re.search(r"write (\.\w+) instead", str(caught.value))
            assert (advice is not None) == bool(found) and "--sound none" in str(caught.value)
            if advice is not None:
                assert advice[1] in found and advice[1] != name
            continue
        after, _ = copy(source, tmp_path / f"b{name}")
        if suffix != "mxf":  # whose PCM is in other pieces
            assert [line[3] for line in packets(after.path)] == [line[3] for line in packets(source)]
        assert after.audio[0].codec == open_clip(source).audio[0].codec
        assert np.diff(heard(after.path)) == pytest.approx(np.diff(heard(source)), abs=0.03)
        assert compare_films(open_clip(source), after).not_kept == ()


def test_a_muxer_that_refuses_at_its_end_is_known_before(tmp_path: Path) -> None:
    source = tmp_path / "a.nut"
    ffmpeg(*PICTURES, *TONE, "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "eac3", "-shortest", source)
    assert sound_lost(source, ".mp4") and not sound_lost(source, ".mkv")


def test_nothing_is_advised_where_nothing_holds_the_sound(tmp_path: Path) -> None:
    source = tmp_path / "a.m2ts"
    ffmpeg(*PICTURES, *TONE, "-c:v", "libx264", "-ac", 2, "-c:a", "pcm_bluray", "-f", "mpegts", source, silent=False)
    if not sound_lost(source, ".nut"):
        pytest.skip("this FFmpeg keeps it in .nut")
    with pytest.raises(VeraError, match=r"pcm_bluray sound; leave the sound out \(--sound none\)$"):
        check_output(tmp_path / "b.mkv", open_clip(source), None, source)


def test_sound_can_be_left_out(tmp_path: Path) -> None:
    source = tmp_path / "a.wmv"
    ffmpeg(*PICTURES, *TONE, "-c:v", "wmv2", "-c:a", "wmav2", source)
    after, notices = copy(open_clip(source, sound=False), tmp_path / "b.mp4")
    assert (after.audio, notices, after.frame_count) == ((), [], 10)
    assert open_clip(source, sound=False).footage.sound is False


# What an edit list hides


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds with sound in AAC, a key frame for every fifth."""
    path = tmp_path_factory.mktemp("full") / "full.mov"
    pictures, tone = (["-f", "lavfi", "-i", what] for what in ("testsrc2=s=64x48:r=25:d=2", "sine=440:r=48000:d=2"))
    ffmpeg(*pictures, *tone, "-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", 5, "-bf", 2, "-c:a", "aac", path)
    return path


EDITS = [[(0.64, 0.8)], [(0.2, 0.4), (1.2, 0.4)], [(1.2, 0.4), (0.2, 0.4)], [(0.0, 0.4), (0.4, 0.4)]]


@pytest.mark.parametrize("edits", EDITS, ids=str)
@pytest.mark.parametrize("suffix", [".mkv", ".mov", ".mp4"])
def test_what_an_edit_list_hides_is_not_heard(
    full: Path, tmp_path: Path, edits: list[tuple[float, float]], suffix: str
) -> None:
    source, packet = tmp_path / "a.mov", 1024 / 48000
    source.write_bytes(with_edits(full.read_bytes(), edits))
    after, _ = copy(source, tmp_path / f"b{suffix}")
    (start, end), (begun, ended) = heard(source), heard(after.path)
    assert abs(begun - start) <= packet + 0.001 and abs(ended - end) <= packet + 0.001
    assert begun > -packet and ended < 0.8 + 2 * packet
    assert suffix != ".mkv" or len(packets(after.path)) <= 0.8 / packet + 3


def test_subtitles_that_an_edit_list_hides_are_not_shown(full: Path, tmp_path: Path) -> None:
    cue = "{0}\n00:00:0{1},000 --> 00:00:0{1},400\nLine {0}\n\n"
    (tmp_path / "lines.srt").write_text(cue.format(1, 0) + cue.format(2, 1))
    with_text, source = tmp_path / "text.mov", tmp_path / "a.mov"
    texts = ("-i", tmp_path / "lines.srt", "-map", 0, "-map", 1, "-c", "copy", "-c:s", "mov_text")
    ffmpeg("-i", full, *texts, with_text, silent=False)
    source.write_bytes(with_edits(with_text.read_bytes(), [(1.0, 0.8)]))
    for name in ("b.mov", "b.mp4"):
        after, _ = copy(source, tmp_path / name)
        shown = ffmpeg("-i", after.path, "-map", "0:s", "-f", "srt", "-", silent=False)
        assert "Line 2" in shown and "Line 1" not in shown


def test_a_trimmed_clip(full: Path, tmp_path: Path) -> None:
    source = tmp_path / "cut.mov"
    ffmpeg("-ss", "0.52", "-i", full, "-t", "1.4", "-c", "copy", source)
    after, _ = copy(source, tmp_path / "b.mkv")
    assert heard(after.path)[0] > -1024 / 48000
    assert min(Fraction(line[0]) for line in packets(after.path)) > -22  # milliseconds


def test_an_encoders_run_in_is_kept(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "a.mp4", audio=True)
    after, _ = copy(source, tmp_path / "b.mkv")
    assert [line[3] for line in packets(after.path)] == [line[3] for line in packets(source)]


# Times that step back


@pytest.fixture(scope="module")
def stepping(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two broadcasts in a row, put right by ffmpeg, but for the sound's times at the seam."""
    folder = tmp_path_factory.mktemp("stepping")
    tone = ("-f", "lavfi", "-i", "sine=440:r=48000:d=1")
    pictures = ("-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=1")
    ffmpeg(*pictures, *tone, "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac", folder / "one.ts")
    (folder / "two.ts").write_bytes((folder / "one.ts").read_bytes() * 2)
    ffmpeg("-i", folder / "two.ts", "-c", "copy", folder / "fixed.ts", silent=False)
    with av.open(str(folder / "fixed.ts")) as container:
        times = [packet.dts for packet in container.demux(audio=0) if packet.dts is not None]
    assert any(after <= before for before, after in itertools.pairwise(times))
    return folder / "fixed.ts"


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".mov"])
def test_sound_whose_times_step_back_is_written_as_ffmpeg_does(stepping: Path, tmp_path: Path, suffix: str) -> None:
    after, notices = copy(stepping, tmp_path / f"b{suffix}")
    assert not any("step back" in notice for notice in notices)
    ffmpeg("-i", stepping, "-map", "0:a", "-c", "copy", tmp_path / f"c{suffix}", silent=False)
    wanted, found = packets(tmp_path / f"c{suffix}"), packets(after.path)
    assert [line[3] for line in found] == [line[3] for line in wanted]
    apart = {int(one[0]) - int(other[0]) for one, other in zip(found, wanted, strict=True)}
    assert max(apart) - min(apart) <= 1  # the executable rounds a clock that begins elsewhere


@given(st.lists(st.tuples(st.integers(-50, 200), st.integers(0, 5)), min_size=1, max_size=12), st.booleans())
def test_times_rise(times: list[tuple[int, int]], loose: bool) -> None:
    notices: list[str] = []
    with av.open(io.BytesIO(), "w", format="matroska" if loose else "mp4") as target:
        track = target.add_stream("pcm_s16le", rate=100, layout="mono")
        track.time_base = Fraction(1, 100)
        before = [packet_at(dts, dts + later) for dts, later in times]
        found = [(packet.pts, packet.dts) for packet in fit_packets(before, {0: track}, target, notices=notices)]
    assert all(pts >= dts for pts, dts in found)
    assert all(b - a >= (0 if loose else 1) for (_, a), (_, b) in itertools.pairwise(found))
    steps = [dts - first for (_, dts), (first, _) in zip(found, times, strict=True)]
    assert min(steps) == 0 and bool(notices) == (max(steps) > 10)
    if max(steps) == 0:
        assert found == [(dts + later, dts) for dts, later in times]


def packet_at(dts: int, pts: int) -> Any:
    packet: Any = av.Packet(b"12")
    packet.dts, packet.pts, packet.time_base = dts, pts, Fraction(1, 100)
    return packet


# Clocks of broadcasts


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".mov"])
@pytest.mark.parametrize("start", [0, 36000, 95440])
def test_a_broadcasts_clock_begins_at_0(tmp_path: Path, suffix: str, start: int) -> None:
    flat, source = make_clip(tmp_path / "flat.mp4", 10, audio=True), tmp_path / "a.ts"
    ffmpeg("-i", flat, "-c", "copy", "-output_ts_offset", start, source)
    with pytest.warns(UserWarning, match=r"the source's clock begins at .* s; all tracks are moved to begin at 0"):
        after, notices = copy(source, tmp_path / f"b{suffix}")
    assert len(notices) == 1
    before = open_clip(source)
    tick = max(after.time_base, Fraction(1, 48000))
    for one, other in zip(before.pts, after.pts, strict=True):
        assert abs(one * before.time_base - before.clock - other * after.time_base) <= tick / 2
    sound = Fraction(int(packets(source)[0][0]), 90000) - before.pts[0] * before.time_base
    base = Fraction(1, 1000) if suffix == ".mkv" else Fraction(1, 48000)
    apart = int(packets(after.path)[0][0]) * base - after.pts[0] * after.time_base
    assert abs(sound - apart) <= tick
    with av.open(str(after.path)) as container:
        assert container.duration is not None and container.duration < 600_000


def test_clips_that_begin_a_little_late_do_so_in_the_result(tmp_path: Path) -> None:
    source = tmp_path / "a.mp4"
    ffmpeg("-i", make_clip(tmp_path / "flat.mp4", audio=True), "-c", "copy", "-output_ts_offset", 2, source)
    after, notices = copy(source, tmp_path / "b.mp4")
    assert (after.pts, notices) == (open_clip(source).pts, []) and after.pts[0] > 0


def test_live_fragments_begin_at_0(tmp_path: Path) -> None:
    source, flat = tmp_path / "a.mkv", make_clip(tmp_path / "flat.mp4", audio=True)
    mark = "[CHAPTER]\nTIMEBASE=1/1000\nSTART=7200100\nEND=7200300\ntitle=One\n"
    (tmp_path / "words.txt").write_text(f";FFMETADATA1\n{mark}")
    ffmpeg("-i", flat, "-c", "copy", "-output_ts_offset", 7200, tmp_path / "late.mkv")
    marks = ("-i", tmp_path / "words.txt", "-map", 0, "-map_chapters", 1, "-copyts", "-c", "copy")
    ffmpeg("-i", tmp_path / "late.mkv", *marks, source)
    assert open_clip(source).chapters[0].start > 7200
    with pytest.warns(UserWarning, match=r"clock begins at 7[12]\d\d\.\d+ s"):
        after, _ = copy(source, tmp_path / "b.mkv")
    assert after.pts[0] * after.time_base < 1 and 0 <= after.chapters[0].start < 1
