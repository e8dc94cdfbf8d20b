"""What a file keeps of its track of pictures, such as its cropping, in every master; read by the executable."""

import re
import subprocess
import warnings
from fractions import Fraction
from pathlib import Path

import pytest
from imageio_ffmpeg import get_ffmpeg_exe
from tests.clips import copy, make_clip
from tests.executable import ffmpeg, frame_hashes
from tests.iso import clean_aperture, dolby_vision, with_record

from vera.video import open_clip
from vera.video.smart.master import plan_smart, write_smart

pytestmark = pytest.mark.faults


def said(path: Path) -> set[str]:
    """What the executable says of the side data of the file's tracks."""
    run = subprocess.run([get_ffmpeg_exe(), "-hide_banner", "-i", path], capture_output=True, text=True)
    return set(re.findall(r"^      ((?:Frame Cropping|DOVI|Stereo|Spherical).*)$", run.stderr, re.MULTILINE))


def smart(source: Path, out: Path) -> list[str]:
    """A smart master in which nothing changes; returns what was told."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        write_smart(open_clip(source), out, plan_smart(source, out.suffix, ()), lambda frame: frame)
    return [str(warning.message) for warning in caught]


@pytest.fixture
def cropped(tmp_path: Path) -> Path:
    flat, source = make_clip(tmp_path / "flat.mov", 6, audio=True), tmp_path / "cropped.mov"
    source.write_bytes(with_record(flat.read_bytes(), clean_aperture(48, 32)))
    assert said(source) == {"Frame Cropping: 8/8/8/8"}
    return source


@pytest.fixture
def dolby(tmp_path: Path) -> Path:
    flat, source = tmp_path / "flat.mov", tmp_path / "dolby.mov"
    tagged = ("-color_trc", "arib-std-b67", "-color_primaries", "bt2020", "-colorspace", "bt2020nc")
    pictures = ("-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=0.32", "-pix_fmt", "yuv420p10le")
    ffmpeg(
        *pictures,
        "-c:v",
        "libx265",
        "-x265-params",
        "keyint=4:log-level=none",
        "-tag:v",
        "hvc1",
        *tagged,
        flat,
        silent=False,
    )
    source.write_bytes(with_record(flat.read_bytes(), dolby_vision()))
    assert len(said(source)) == 1
    return source


OUTS = [("b.mov", "h264-lossless"), ("b.mp4", "h264-lossless"), ("b.mp4", "h265-lossless"), ("b.mkv", "h264")]
OUTS += [("b.mkv", "ffv1"), ("b.mov", "h265"), ("b.m4v", "h264")]


@pytest.mark.parametrize(("name", "codec"), OUTS)
def test_cropping_is_kept(cropped: Path, tmp_path: Path, name: str, codec: str) -> None:
    after, notices = copy(cropped, tmp_path / name, codec)
    assert (said(after.path), notices) == ({"Frame Cropping: 8/8/8/8"}, [])
    assert (after.width, after.height, after.frame_count) == (64, 48, 6)
    if codec.endswith("lossless"):
        shown, wanted = frame_hashes(after.path), frame_hashes(cropped)  # by the executable, which crops
        assert [line.split(",")[4:] for line in shown] == [line.split(",")[4:] for line in wanted]


def test_cropping_with_a_pixel_aspect(tmp_path: Path) -> None:
    flat, source = make_clip(tmp_path / "flat.mov", 4, sample_aspect=Fraction(4, 3)), tmp_path / "a.mov"
    source.write_bytes(with_record(flat.read_bytes(), clean_aperture(48, 32)))
    for name in ("b.mov", "b.mkv"):
        after, notices = copy(source, tmp_path / name)
        assert said(after.path) == {"Frame Cropping: 8/8/8/8"}
        assert after.sample_aspect == Fraction(4, 3) or any("pixel aspect" in notice for notice in notices)


def test_a_smart_master_keeps_cropping(cropped: Path, tmp_path: Path) -> None:
    assert smart(cropped, tmp_path / "b.mov") == []
    assert said(tmp_path / "b.mov") == {"Frame Cropping: 8/8/8/8"}


def test_cropping_that_a_file_cannot_hold_is_told(tmp_path: Path) -> None:
    flat, source = make_clip(tmp_path / "flat.mov", 4, pix_fmt="rgb24", codec="png"), tmp_path / "a.mov"
    source.write_bytes(with_record(flat.read_bytes(), clean_aperture(48, 32)))
    with pytest.warns(UserWarning, match=r"b\.mov: can't hold the cropping of the source, so it is left out"):
        copy(source, tmp_path / "b.mov")


def test_a_smart_master_keeps_the_record_of_dolby_vision(dolby: Path, tmp_path: Path) -> None:
    assert smart(dolby, tmp_path / "b.mp4") == []
    assert said(tmp_path / "b.mp4") == said(dolby)
    (notice,) = smart(dolby, tmp_path / "b.mov")
    assert notice.endswith("b.mov: can't hold the Dolby Vision configuration of the source, so it is left out")


def test_a_new_encode_has_no_dolby_vision_and_says_so(dolby: Path, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="can't hold the Dolby Vision configuration"):
        after, notices = copy(dolby, tmp_path / "b.mp4", "h265-lossless")
    assert (said(after.path), len(notices)) == (set(), 1)


@pytest.mark.parametrize("codec", ["ffv1", "h264-lossless"])
def test_stereoscopic_arrangement(tmp_path: Path, codec: str) -> None:
    flat, source = make_clip(tmp_path / "flat.mkv", 4, codec="ffv1"), tmp_path / "a.mkv"
    ffmpeg("-i", flat, "-c", "copy", "-metadata:s:v:0", "stereo_mode=top_bottom", source)
    after, notices = copy(source, tmp_path / "b.mkv", codec)
    assert (said(after.path), notices) == (said(source), [])
    assert len(said(source)) == 1


def test_a_turned_clip_has_no_records(tmp_path: Path) -> None:
    for rotation in (0, 90, 180):
        assert open_clip(make_clip(tmp_path / "a.mp4", 2, rotation=rotation)).records == {}
    ffmpeg("-display_hflip", "-i", tmp_path / "a.mp4", "-c", "copy", tmp_path / "b.mp4")
    assert open_clip(tmp_path / "b.mp4").records == {}


def test_a_spherical_projection(tmp_path: Path) -> None:
    flat, source = make_clip(tmp_path / "flat.mov", 4), tmp_path / "a.mov"
    header = box(b"prhd", bytes(16)) + box(b"equi", bytes(20))
    spherical = box(b"sv3d", box(b"svhd", bytes(4) + b"test\0") + box(b"proj", header))
    source.write_bytes(with_record(flat.read_bytes(), spherical))
    assert len(said(source)) == 1
    for name, codec in (("b.mkv", "ffv1"), ("c.mkv", "h264-lossless"), ("b.mp4", "h264-lossless")):
        after, notices = copy(source, tmp_path / name, codec)
        assert (said(after.path), notices) == (said(source), [])
    assert smart(source, tmp_path / "s.mp4") == [] and said(tmp_path / "s.mp4") == said(source)


def box(kind: bytes, body: bytes) -> bytes:
    return (len(body) + 8).to_bytes(4, "big") + kind + body
