"""Files go to FFmpeg as files: no name is an address, no file makes it read another."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.clips import make_clip, samples
from tests.executable import ffmpeg
from tests.masks import read_mask

from vera.errors import VeraError
from vera.video import FrameReader, FrameWriter, read_lossless, write_lossless
from vera.video.clip import open_clip

pytestmark = pytest.mark.faults

# Names that FFmpeg takes for a protocol, a pattern or an option where it can.
NAMES = (
    "take:1",
    "2024-11-14T22:57:44+02:00",
    "file:x",
    "file:file:x",
    "concat:a|b",
    "subfile,,start,0,end,9,,:x",
    "data:x",
    "pipe:0",
    "-y",
    "%d",
    "100%",
    "a?b#c",
    "latin\udce9",
)
PLAYLISTS = {
    "m3u8": "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{clip}\n#EXT-X-ENDLIST\n",
    "ffconcat": "ffconcat version 1.0\nfile {clip}\n",
    "mpd": '<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" mediaPresentationDuration="PT1S" '
    'type="static"><Period><AdaptationSet mimeType="video/mp4"><Representation id="0" bandwidth="1">'
    "<BaseURL>{clip}</BaseURL></Representation></AdaptationSet></Period></MPD>\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"
    "a=rtpmap:96 H264/90000\n",
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("folder", ["", "http:", "a:b"])
def test_a_name_is_never_an_address(tmp_path: Path, name: str, folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    place = Path(folder)
    place.mkdir(exist_ok=True)
    for other in ("x.mp4", "x.mkv"):  # what FFmpeg would read or write in place of `file:x.mp4`
        Path(other).write_bytes(b"another file")
    source = place / f"{name}.mp4"
    make_clip(tmp_path / "plain.mp4", 3).rename(source)
    with FrameReader(source) as reader:
        read = samples(reader)
    out = place / f"{name}-out.mp4"
    info = open_clip(source)
    with FrameReader(source) as reader, FrameWriter(out, info, audio_from=source) as writer:
        for frame in reader:
            writer.write(frame)
    with FrameReader(out) as reader:
        assert samples(reader) == read
    layer = np.arange(3 * 4 * 6, dtype=np.uint8).reshape(3, 4, 6)
    write_lossless(place / f"{name}.mkv", layer)
    assert np.array_equal(read_lossless(place / f"{name}.mkv"), layer)
    assert read_mask(source, 3, 64, 48).shape == (3, 48, 64)
    assert Path("x.mp4").read_bytes() == Path("x.mkv").read_bytes() == b"another file"


@pytest.mark.parametrize("head", ["a:b_", "file:", "http:", "%%x?", "latin\udce9"])
def test_sequences_of_any_name_are_read_and_written(tmp_path: Path, head: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    grey = make_clip(tmp_path / "grey.mkv", 3, pix_fmt="gray", codec="ffv1")
    info = open_clip(grey)
    with FrameReader(grey) as reader, FrameWriter(Path("take:1") / f"{head}####.png", info) as writer:
        for frame in reader:
            writer.write(frame)
    with FrameReader(grey) as first, FrameReader(Path("take:1")) as second:
        assert samples(first) == samples(second)


@pytest.mark.parametrize("kind", PLAYLISTS)
@pytest.mark.parametrize("suffix", ["", ".mp4", ".mkv"])
def test_a_playlist_is_no_footage(tmp_path: Path, kind: str, suffix: str) -> None:
    make_clip(tmp_path / "clip.ts", 5)
    path = tmp_path / f"list{suffix or '.' + kind}"
    path.write_text(PLAYLISTS[kind].format(clip="clip.ts"))
    for work in (open_clip, FrameReader, lambda path: read_mask(path, 1, 64, 48)):
        with pytest.raises(VeraError, match="is a playlist, which names other files; give the video itself") as caught:
            work(path)
        assert "\n" not in str(caught.value)


def test_every_file_is_opened_in_one_place() -> None:
    """What opens bytes in memory is listed here."""
    root = Path(__file__).parents[2]
    found = {
        path.relative_to(root).as_posix()
        for folder in ("src", "benchmarks")
        for path in (root / folder).rglob("*.py")
        if re.search(r"\bav\.open\(", path.read_text())
    }
    assert found == {
        "src/vera/video/open.py",
        "src/vera/video/carried/copied.py",
        "src/vera/video/encoder.py",
        "src/vera/video/carried/matroska.py",
        "src/vera/data/synthesis/assets.py",
        "src/vera/evaluation/reports/run/media.py",
    }


@pytest.mark.parametrize(("suffix", "kind"), [(".webp", "WebP"), (".avif", "AVIF"), (".heif", "HEIF")])
def test_animated_pictures_are_called_so(tmp_path: Path, suffix: str, kind: str) -> None:
    path = tmp_path / f"a{suffix}"
    frames = [Image.new("RGB", (64, 48), (index * 90, 0, 0)) for index in range(3)]
    if suffix == ".webp":
        frames[0].save(path, save_all=True, append_images=frames[1:], duration=40)
    else:
        brand = {".avif": b"avis", ".heif": b"msf1"}[suffix]
        path.write_bytes(b"\0\0\0\x14ftyp" + brand + bytes(4) + brand)
    with pytest.raises(VeraError, match=f"is an animated {kind}, which is not read; convert it to APNG or a video"):
        open_clip(path)
    if suffix == ".webp":
        frames[0].save(path)
        with pytest.raises(VeraError, match="is a still image"):
            open_clip(path)


def test_colours_that_cannot_be_shown_are_told_with_the_file(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", 3)
    ffmpeg("-i", clip, "-c", "copy", "-bsf:v", "h264_metadata=matrix_coefficients=8", tmp_path / "b.mp4", silent=False)
    with pytest.raises(
        VeraError, match=r"b\.mp4: pictures in yuv420p with the colour matrix 8 can't be shown \("
    ) as caught:
        open_clip(tmp_path / "b.mp4")
    assert "\n" not in str(caught.value)
