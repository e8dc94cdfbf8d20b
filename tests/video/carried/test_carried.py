"""What is carried through: read before and after by the ffmpeg executable, in each container that can hold it."""

import re
import subprocess
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from imageio_ffmpeg import get_ffmpeg_exe
from PIL import Image
from tests.clips import make_clip
from tests.executable import ffmpeg

from vera.color.tags import ColorTags
from vera.video import Clip, FrameReader, FrameWriter, open_clip
from vera.video.carried.hdr import HdrMetadata
from vera.video.carried.tracks import Chapter, TrackInfo

DISPLAY = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
HDR = HdrMetadata(
    primaries=(
        (Fraction(34000, 50000), Fraction(16000, 50000)),
        (Fraction(13250, 50000), Fraction(34500, 50000)),
        (Fraction(7500, 50000), Fraction(3000, 50000)),
        (Fraction(15635, 50000), Fraction(16450, 50000)),
    ),
    luminance=(Fraction(50, 10000), Fraction(1000)),
    light_level=(1000, 400),
)
PQ = ("-color_range", "tv", "-colorspace", "bt2020nc", "-color_trc", "smpte2084", "-color_primaries", "bt2020")
X265 = "log-level=none:lossless=1:colorprim=9:transfer=16:colormatrix=9:range=limited"
X265 += f":master-display={DISPLAY}:max-cll=1000,400"
MARKS = "[CHAPTER]\nTIMEBASE=1/1000\nSTART={}\nEND={}\ntitle={}\n"


def words(*lines: str) -> str:
    return "\n".join((";FFMETADATA1", *lines, MARKS.format(0, 400, "One"), MARKS.format(400, 1000, "Two")))


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PQ clip, turned, with a timecode, two sound tracks, subtitles, chapters and words, as .mov."""
    folder = tmp_path_factory.mktemp("rich")
    (folder / "words.txt").write_text(words("title=A title", "artist=Someone", "location=+47.0000+008.0000/"))
    (folder / "lines.srt").write_text(
        "1\n00:00:00,100 --> 00:00:00,400\nHello\n\n2\n00:00:00,500 --> 00:00:00,900\nBye\n"
    )
    ffmpeg(
        *("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=24000/1001:duration=1,format=yuv420p10le"),
        *("-f", "lavfi", "-i", "sine=440:sample_rate=48000:duration=1", "-f", "lavfi", "-i", "sine=880:duration=1"),
        *("-i", folder / "lines.srt", "-i", folder / "words.txt"),
        *("-map", "0", "-map", "1", "-map", "2", "-map", "3", "-map_metadata", "4", "-map_chapters", "4"),
        *("-c:v", "libx265", "-x265-params", X265, *PQ, "-tag:v", "hvc1", "-c:a:0", "aac", "-c:a:1", "pcm_s24le"),
        *("-c:s", "mov_text", "-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=fra"),
        *("-metadata:s:s:0", "language=fra", "-metadata:s:v:0", "timecode=01:00:00:00", folder / "flat.mov"),
    )
    ffmpeg(
        "-display_rotation:v:0",
        "90",
        "-i",
        folder / "flat.mov",
        "-map",
        "0",
        "-map",
        "-0:d",
        "-c",
        "copy",
        folder / "rich.mov",
    )
    return folder / "rich.mov"


def copy(source: Path, out: Path, codec: str | None = None) -> tuple[Clip, list[str]]:
    """All frames, and what is carried, to `out`; its probe and the notices."""
    with FrameReader(source) as reader, FrameWriter(out, open_clip(source), codec, audio_from=source) as writer:
        for frame in reader:
            writer.write(frame)
    return open_clip(out), writer.notices


def lines(*arguments: str | Path) -> list[str]:
    """Time base, and time, length and hash of each packet or frame; without the shape of pixels where it is 1:1."""
    command = [get_ffmpeg_exe(), "-nostdin", "-v", "error", *map(str, arguments), "-f", "framemd5", "-"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return [line for line in said if not line.startswith(("#sar 0: 0/1", "#sar 0: 1/1", "#extradata"))]


def hashes(said: list[str]) -> list[str]:
    return [line.split(",")[5] for line in said if line[0] != "#"]


def packets(path: Path, track: str) -> list[str]:
    return lines("-i", path, "-map", track, "-c", "copy")


def pictures(path: Path) -> list[str]:
    return lines("-noautorotate", "-i", path, "-map", "0:v:0", "-fps_mode", "passthrough")


def tags(path: Path) -> dict[str, str]:
    """What the executable says of the first frame: colour, pixel shape, HDR metadata, rotation; and of the timecode."""
    command = [get_ffmpeg_exe(), "-noautorotate", "-hide_banner", "-i", path, "-map", "0:v:0", "-vf", "showinfo"]
    said = subprocess.run([*command, "-frames:v", "1", "-f", "null", "-"], capture_output=True, text=True).stderr
    patterns = {
        "colour": r"(color_range:\S+ color_space:\S+ color_primaries:\S+ color_trc:\S+)",
        "shape": r"(sar:\d+/\d+)",
        "display": r"side data - Mastering display metadata: (.*)",
        "light": r"side data - Content light level metadata: (.*)",
        "rotation": r"displaymatrix: rotation of (\S+) degrees",
        "timecode": r"(?i)timecode +: (\S+)",
    }
    found = {name: match[1] for name, pattern in patterns.items() if (match := re.search(pattern, said))}
    return found | {"shape": found["shape"].replace("0/1", "1/1")}  # unsaid is square


def spoken(path: Path) -> set[str]:
    """Words and chapters, those of the file's own making left out, times in seconds."""
    command = [get_ffmpeg_exe(), "-v", "error", "-i", path, "-f", "ffmetadata", "-"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    own = ("major_brand", "minor_version", "compatible_brands", "encoder", "ENCODER", "timecode", "location-")
    base, kept = Fraction(1), set()
    for line in said:
        name, _, value = line.partition("=")
        if name == "TIMEBASE":
            base = Fraction(value)
        elif name in ("START", "END"):
            kept.add(f"{name}={int(value) * base}")
        elif not line.startswith(own):
            kept.add(f"{name.lower()}={value}" if name.isupper() and value else line)
    return {line for line in kept if "-eng=" not in line.lower()}


# Containers

SAME_KIND = pytest.mark.parametrize("suffix", [".mov", ".mp4"])


@SAME_KIND
def test_all_that_mov_and_mp4_hold_is_carried(rich: Path, tmp_path: Path, suffix: str) -> None:
    after, notices = copy(rich, tmp_path / f"b{suffix}", "h265-lossless")
    assert notices == []
    assert pictures(after.path) == pictures(rich)
    for track in ("0:a:0", "0:a:1", "0:s:0"):
        assert packets(after.path, track) == packets(rich, track)
    assert tags(after.path) == tags(rich)
    assert set(tags(rich)) == {"colour", "shape", "display", "light", "rotation", "timecode"}
    assert spoken(after.path) == spoken(rich)
    before = open_clip(rich)
    for field in ("tracks", "chapters", "metadata", "timecode", "hdr", "display_matrix", "color", "pts", "duration"):
        assert getattr(after, field) == getattr(before, field), field
    assert [replace(track, layout="") for track in after.audio] == [replace(track, layout="") for track in before.audio]
    assert before.hdr == HDR
    assert before.chapters == (Chapter(Fraction(0), Fraction(2, 5), "One"), Chapter(Fraction(2, 5), Fraction(1), "Two"))
    assert before.tracks == (TrackInfo(3, "subtitle", "mov_text", "fra"),)
    assert [track.language for track in before.audio] == ["eng", "fra"]


@pytest.mark.parametrize("codec", ["ffv1", "h265-lossless"])
def test_matroska_holds_all_but_the_subtitles_of_mov(rich: Path, tmp_path: Path, codec: str) -> None:
    with pytest.warns(UserWarning, match=r"b\.mkv: can't hold the subtitle track \(track 3, mov_text, fra\)"):
        after, notices = copy(rich, tmp_path / "b.mkv", codec)
    assert len(notices) == 1
    # Samples and packets; times are rounded to milliseconds.
    assert hashes(pictures(after.path)) == hashes(pictures(rich))
    for track in ("0:a:0", "0:a:1"):
        assert hashes(packets(after.path, track)) == hashes(packets(rich, track))
    assert tags(after.path) == tags(rich)
    assert spoken(after.path) >= {line for line in spoken(rich) if not line.startswith(("START", "END"))}
    assert after.chapters == open_clip(rich).chapters
    assert after.hdr == HDR or codec == "ffv1"


def test_prores_holds_hdr_metadata(rich: Path, tmp_path: Path) -> None:
    source = tmp_path / "a.mov"
    ffmpeg(
        *("-i", rich, "-map", "0:v", "-vf", "format=yuv422p10le"),
        *("-c:v", "libx265", "-x265-params", X265, *PQ, source),
    )  # fmt: skip
    after, notices = copy(source, tmp_path / "b.mov", "prores")
    assert notices == []
    assert {name: tags(after.path)[name] for name in ("colour", "display", "light")} == {
        name: tags(source)[name] for name in ("colour", "display", "light")
    }
    assert av.open(str(after.path)).streams.video[0].codec_tag == "apch"


def test_h264_holds_hdr_metadata(rich: Path, tmp_path: Path) -> None:
    after, notices = copy(rich, tmp_path / "b.mp4", "h264-lossless")
    assert notices == []
    assert tags(after.path) == tags(rich)


def test_light_levels_alone(tmp_path: Path) -> None:
    source = tmp_path / "a.mp4"
    params = "log-level=none:max-cll=600,300"
    make_clip(source, 4, codec="libx265", pix_fmt="yuv420p10le", options={"x265-params": params})
    assert open_clip(source).hdr == HdrMetadata(light_level=(600, 300))
    for name, codec in (("b.mkv", "ffv1"), ("b.mp4", "h265-lossless"), ("c.mp4", "h264-lossless")):
        after, notices = copy(source, tmp_path / name, codec)
        assert (after.hdr, notices) == (HdrMetadata(light_level=(600, 300)), [])


def test_what_pictures_cannot_hold_is_said(tmp_path: Path) -> None:
    source, options = tmp_path / "a.mp4", {"x265-params": "log-level=none:max-cll=600,300"}
    make_clip(source, 4, codec="libx265", options=options, audio=True, color=ColorTags(1, 9, 16, 9))
    with pytest.warns(UserWarning) as caught:
        after, notices = copy(source, tmp_path / "new" / "b.####.tiff")
    assert [str(warning.message) for warning in caught] == notices
    held = ["sound of", "matrix", "transfer", "primaries", "HDR"]
    assert len(notices) == len(held)
    assert all(word in notice for word, notice in zip(held, notices, strict=True)), notices
    assert (after.frame_count, after.hdr) == (4, None)


# Other tracks


def cover(folder: Path) -> Path:
    Image.fromarray(np.full((32, 32, 3), (200, 30, 30), np.uint8)).save(folder / "cover.jpg")
    return folder / "cover.jpg"


def test_covers(tmp_path: Path) -> None:
    flat = make_clip(tmp_path / "flat.mp4", audio=True)
    art = cover(tmp_path)
    ffmpeg(
        "-i",
        flat,
        "-i",
        art,
        "-map",
        "0",
        "-map",
        "1",
        "-c",
        "copy",
        "-disposition:v:1",
        "attached_pic",
        tmp_path / "a.mp4",
    )
    ffmpeg("-i", flat, "-c", "copy", "-attach", art, "-metadata:s:t", "mimetype=image/jpeg", tmp_path / "a.mkv")
    for source in ("a.mp4", "a.mkv"):
        for out in ("b.mp4", "b.mkv"):
            after, notices = copy(tmp_path / source, tmp_path / out)
            assert notices == []
            assert [track.kind for track in after.tracks] == ["picture"]
            with av.open(str(after.path)) as container:
                stream = container.streams[after.tracks[0].index]
                assert bytes(next(iter(container.demux(stream)))) == art.read_bytes()
            assert after.frame_count == 8
        with pytest.warns(UserWarning, match=r"b\.mov: can't hold the cover picture"):
            copy(tmp_path / source, tmp_path / "b.mov")


def test_subtitles_and_fonts_of_matroska(tmp_path: Path) -> None:
    flat = make_clip(tmp_path / "flat.mkv", codec="ffv1", audio="libopus")
    (tmp_path / "lines.srt").write_text("1\n00:00:00,100 --> 00:00:00,200\nHello\n")
    (tmp_path / "font.ttf").write_bytes(b"a font " * 50)
    source = tmp_path / "a.mkv"
    ffmpeg(
        *("-i", flat, "-i", tmp_path / "lines.srt", "-map", "0", "-map", "1", "-c:v", "copy", "-c:a", "copy"),
        *("-c:s", "ass", "-metadata:s:s:0", "title=Full"),
        *("-attach", tmp_path / "font.ttf", "-metadata:s:t", "mimetype=font/ttf", source),
    )  # fmt: skip
    after, notices = copy(source, tmp_path / "b.mkv")
    assert notices == []
    assert after.tracks == open_clip(source).tracks and [track.kind for track in after.tracks] == [
        "subtitle",
        "attachment",
    ]
    assert packets(after.path, "0:s:0") == packets(source, "0:s:0")
    with pytest.warns(UserWarning) as caught:
        _, notices = copy(source, tmp_path / "b.mp4")
    assert [str(warning.message) for warning in caught] == notices
    assert len(notices) == 2 and "subtitle track (track 2, ass)" in notices[0] and "attachment track" in notices[1]


def test_words_that_mov_has_no_field_for(tmp_path: Path) -> None:
    flat = make_clip(tmp_path / "flat.mp4")
    (tmp_path / "words.txt").write_text(words("title=T", "com.apple.quicktime.make=Apple", "odd=x"))
    source = tmp_path / "a.mov"
    ffmpeg(
        "-i",
        flat,
        "-i",
        tmp_path / "words.txt",
        "-map",
        "0",
        "-map_metadata",
        "1",
        "-c",
        "copy",
        "-movflags",
        "use_metadata_tags",
        source,
    )
    for name in ("b.mov", "b.mp4", "b.mkv"):
        after, notices = copy(source, tmp_path / name)
        assert notices == []
        assert after.metadata == {"title": "T", "com.apple.quicktime.make": "Apple", "odd": "x"}


def test_a_language_that_mov_does_not_know_is_said(tmp_path: Path) -> None:
    flat = make_clip(tmp_path / "flat.mp4", audio=True)
    ffmpeg("-i", flat, "-c", "copy", "-metadata:s:a:0", "language=deu", tmp_path / "a.mp4")
    assert copy(tmp_path / "a.mp4", tmp_path / "b.mp4")[0].audio[0].language == "deu"
    with pytest.warns(UserWarning, match=r"b\.mov: can't hold the language deu of sound track 1"):
        copy(tmp_path / "a.mp4", tmp_path / "b.mov")


# Edit lists


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_edit_lists(tmp_path: Path, suffix: str) -> None:
    # Cut in the middle of a group of pictures, without encoding: the file keeps more frames than it shows.
    whole = make_clip(tmp_path / f"a{suffix}", 50, audio=True, options={"qp": "0", "preset": "ultrafast", "g": "12"})
    source = tmp_path / f"cut{suffix}"
    ffmpeg("-ss", "0.6", "-i", whole, "-t", "1", "-c", "copy", source)
    before = open_clip(source)
    with av.open(str(source)) as container:
        assert sum(bool(packet.size) for packet in container.demux(video=0)) > before.frame_count
    with FrameReader(source) as reader:
        assert tuple(frame.pts for frame in reader) == before.pts
        assert reader.damaged == []
    after, notices = copy(source, tmp_path / f"b{suffix}")
    assert notices == []
    assert (after.pts, after.time_base, after.frame_count) == (before.pts, before.time_base, before.frame_count)
    assert pictures(after.path) == pictures(source)
    assert packets(after.path, "0:a:0") == packets(source, "0:a:0")
