"""Masters of layers over real clips: what each guarantees holds and is verified; what cannot be made is said."""

import math
import re
import warnings
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from tests.clips import make_clip
from tests.executable import ffmpeg, frame_hashes

from vera.errors import VeraError
from vera.layers import LayeredEdit, composite_clip, load_layers, save_layers, verify
from vera.layers.masters import choose_codec, write_master
from vera.layers.source_match import describe_source
from vera.video import open_clip
from vera.video.smart import h264

FRAMES, GROUP = 36, 12
H264 = ("-c:v", "libx264", "-g", GROUP, "-x264-params", "open-gop=1:b-adapt=0:scenecut=0")
H265 = ("-c:v", "libx265", "-g", GROUP, "-x265-params", "log-level=error:open-gop=1:b-adapt=0:scenecut=0")
Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def clip(name: str = "source.mp4", *encoder: Any, pix_fmt: str = "yuv420p") -> Path:
        picture = ("-f", "lavfi", "-i", "testsrc2=s=128x96:r=25", "-frames:v", FRAMES, "-pix_fmt", pix_fmt)
        ffmpeg(*picture, *(encoder or H264), tmp_path / name)
        return tmp_path / name

    return clip


def layered(source: Path, *spans: tuple[int, int], size: tuple[int, int] = (64, 48)) -> LayeredEdit:
    """Layers for all frames of the clip: a soft-edged patch in the frames of the spans, and nothing in the others."""
    info = open_clip(source)
    alpha = np.zeros((info.frame_count, size[1], size[0]), np.uint16)
    for start, stop in spans:
        alpha[start:stop, 16:32, 16:32] = 65535
        alpha[start:stop, 14:16, 16:32] = 30000
    edit = np.full((*alpha.shape, 3), (10, 200, 60), np.uint8)
    return LayeredEdit(edit, alpha, info.pts, info.time_base, {"source": describe_source(info)})


def packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


@pytest.mark.parametrize(
    ("name", "encoder", "pix_fmt"),
    [("source.mp4", H264, "yuv420p"), ("source.mov", H265, "yuv422p10le"), ("source.mkv", H265, "yuv420p")],
)
def test_smart(make: Make, tmp_path: Path, name: str, encoder: tuple[Any, ...], pix_fmt: str) -> None:
    source, out = make(name, *encoder, pix_fmt=pix_fmt), tmp_path / f"out{name[-4:]}"
    edit = layered(source, (14, 17))
    master = write_master(source, edit, out, "smart")
    assert (master.kind, master.notice, master.packets) == ("smart", None, FRAMES)
    same = [a == b for a, b in zip(packets(source), packets(out), strict=True)]
    assert same.count(True) == master.kept > FRAMES - GROUP

    report = verify(source, out, edit, "smart")
    assert (report.broken, report.packets, report.kept) == (None, FRAMES, master.kept)
    assert report.changed > 0 and report.psnr > 40  # inside the group of pictures that the edit touches
    alike = [a == b for a, b in zip(frame_hashes(source), frame_hashes(out), strict=True)]
    assert all(alike[: 12 - 3]) and all(alike[24:]) and not any(alike[14:17])
    assert "samples changed that the exact master keeps" in (verify(source, out, edit).broken or "")


def test_layers_limited_in_time_leave_all_other_packets(make: Make, tmp_path: Path) -> None:
    """Layers without frames outside, and layers that are empty there, make the same file."""
    source = make()
    whole = layered(source, (14, 17))
    part = LayeredEdit(whole.edit[13:18], whole.alpha[13:18], whole.pts[13:18], whole.time_base, whole.metadata)
    one = write_master(source, whole, tmp_path / "one.mp4", "smart")
    two = write_master(source, part, tmp_path / "two.mp4", "smart")
    assert one.kept == two.kept and one.path.read_bytes() == two.path.read_bytes()
    assert packets(two.path)[:9] == packets(source)[:9] and packets(two.path)[27:] == packets(source)[27:]


def test_an_edit_of_nothing_keeps_every_packet(make: Make, tmp_path: Path) -> None:
    source = make()
    assert write_master(source, layered(source), tmp_path / "out.mp4", "smart").kept == FRAMES
    assert packets(source) == packets(tmp_path / "out.mp4")


@pytest.mark.faults
def test_smart_of_fine_times(tmp_path: Path) -> None:
    """Their mean rate, of ten million ticks a second, is a fraction whose numbers have more than 32 bits."""
    steps = np.random.default_rng(0).integers(-9000, 9000, 307) + 333333
    options = {"g": "30", "bf": "0", "qp": "20"}
    muxer = {"video_track_timescale": "10000000"}
    source = make_clip(
        tmp_path / "a.mp4", 307, fps=30, pts=np.cumsum(steps).tolist(), time_base=Fraction(1, 10**7), options=options,
        muxer=muxer,
    )  # fmt: skip
    assert open_clip(source).average_rate.numerator >= 2**31
    edit = layered(source, (100, 103))
    assert write_master(source, edit, tmp_path / "b.mp4", "smart").kind == "smart"
    assert verify(source, tmp_path / "b.mp4", edit, "smart").broken is None


@pytest.mark.parametrize(
    ("name", "encoder", "out", "spans", "codec", "words"),
    [
        ("source.mp4", ("-c:v", "mpeg4"), "out.mp4", [(3, 5)], "h264", "its codec is mpeg4"),
        ("source.mp4", H264, "out.mkv", [(3, 5)], "h264", r"from \.mp4 to \.mkv"),
        ("source.mov", H265, "out.mov", [(0, 36)], "h265", "touches all of its groups"),
        ("source.mov", ("-c:v", "prores_ks"), "out.mov", [(3, 5)], "prores", "its codec is prores"),
    ],
)
def test_where_no_smart_master_can_be_made_it_is_encoded_and_said(
    make: Make,
    tmp_path: Path,
    name: str,
    encoder: tuple[Any, ...],
    out: str,
    spans: list[tuple[int, int]],
    codec: str,
    words: str,
) -> None:
    source = make(name, *encoder, pix_fmt="yuv422p10le" if codec == "prores" else "yuv420p")
    edit = layered(source, *spans)
    master = write_master(source, edit, tmp_path / out, "smart")
    assert (master.kind, master.codec, master.kept) == ("delivery", codec, 0)
    assert master.notice is not None and master.notice.startswith(f"{out} is a delivery encode and no smart master")
    assert re.search(words, master.notice)
    assert open_clip(tmp_path / out).codec == open_clip(source).codec or codec == "h264"
    assert verify(source, tmp_path / out, edit, "delivery").broken is None
    assert verify(source, tmp_path / out, edit, "smart").broken is not None


def test_exact(make: Make, tmp_path: Path) -> None:
    source = make("source.mp4", *H265, pix_fmt="yuv420p12le")
    edit = layered(source, (0, 36))
    for name, codec in (("out.mp4", "h265-lossless"), ("out.mkv", "ffv1"), ("out.mov", "h265-lossless")):
        master = write_master(source, edit, tmp_path / name)
        assert (master.kind, master.codec, master.kept) == ("exact", codec, 0)
        report = verify(source, tmp_path / name, edit)
        assert (report.broken, report.changed, report.psnr) == (None, 0, math.inf)
        assert open_clip(tmp_path / name).pix_fmt == "yuv420p12le"


def test_delivery(make: Make, tmp_path: Path) -> None:
    source = make()
    edit = layered(source, (3, 20))
    for kind, codec in ((None, "h264"), ("delivery", "h264"), ("delivery", None)):
        master = write_master(source, edit, tmp_path / "out.mp4", kind, codec)
        assert (master.kind, master.codec) == ("delivery", "h264")
    report = verify(source, tmp_path / "out.mp4", edit, "delivery")
    assert report.broken is None and report.changed > 0 and 30 < report.psnr < 70


@pytest.mark.parametrize(
    ("kind", "codec", "words"),
    [
        ("perfect", None, "no master is named 'perfect'; choose from exact, smart, delivery"),
        ("smart", "h264", "leave out the codec"),
        ("exact", "h264", "h264 is lossy, so no exact master"),
        ("delivery", "mpeg0", "no codec is named"),
    ],
)
def test_what_does_not_go_together(make: Make, tmp_path: Path, kind: str, codec: str | None, words: str) -> None:
    source = make()
    for work in (
        lambda: choose_codec(open_clip(source), tmp_path / "out.mp4", kind, codec),
        lambda: write_master(source, layered(source), tmp_path / "out.mp4", kind, codec),
    ):
        with pytest.raises(VeraError, match=words):
            work()
    with pytest.raises(VeraError, match="is read by"):
        choose_codec(open_clip(source), source, "smart")
    assert [path.name for path in tmp_path.iterdir()] == ["source.mp4"]


def test_no_guarantee_is_named(make: Make) -> None:
    source = make()
    with pytest.raises(VeraError, match="no master is named 'perfect'"):
        verify(source, source, layered(source), "perfect")


def test_a_smart_master_that_was_tampered_with_is_found(make: Make, tmp_path: Path) -> None:
    source = make()
    edit = layered(source, (14, 17))
    write_master(source, edit, tmp_path / "out.mp4", "smart")
    ffmpeg("-i", tmp_path / "out.mp4", *H264, tmp_path / "again.mp4")
    assert "packet 0 is not that of source.mp4" in (verify(source, tmp_path / "again.mp4", edit, "smart").broken or "")
    # Another edit than the one that was made: its own group of pictures was not to be touched.
    assert verify(source, tmp_path / "out.mp4", layered(source, (0, 3)), "smart").broken is not None


def test_damaged_results_are_not_named(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new picture that does not decode to its edit makes a delivery encode of the smart master."""
    source = make()
    own = h264.H264.graft

    def broken(self: h264.H264, units: list[bytes], picture: bytes) -> list[bytes]:
        return [
            unit[:40] + bytes(len(unit) - 40) if unit[0] & 31 in (1, 5) else unit for unit in own(self, units, picture)
        ]

    monkeypatch.setattr(h264.H264, "graft", broken)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the damage is ours, not the source's
        master = write_master(source, layered(source, (14, 17)), tmp_path / "out.mp4", "smart")
    assert master.kind == "delivery" and "would not decode as it was encoded" in (master.notice or "")
    assert {path.name for path in tmp_path.iterdir()} == {"source.mp4", "out.mp4"}


def test_saved_layers_make_the_same_master(make: Make, tmp_path: Path) -> None:
    source = make()
    edit = layered(source, (14, 17))
    save_layers(edit, tmp_path / "layers")
    one = write_master(source, edit, tmp_path / "one.mp4", "smart").path.read_bytes()
    assert (
        write_master(source, load_layers(tmp_path / "layers"), tmp_path / "two.mp4", "smart").path.read_bytes() == one
    )


def test_layers_of_another_clip(make: Make, tmp_path: Path) -> None:
    source, other = make(), make("other.mp4", *H264, "-crf", 40)
    edit = layered(other, (14, 17))
    for work in (write_master, composite_clip):
        with pytest.raises(VeraError, match=r"not the clip that the layers were made for, other\.mp4"):
            work(source, edit, tmp_path / "out.mp4")
    assert write_master(source, edit, tmp_path / "out.mp4", "smart", force=True).kind == "smart"
    assert verify(source, tmp_path / "out.mp4", edit, "smart", force=True).broken is None
    assert verify(source, tmp_path / "out.mp4", replace(edit, metadata={}), "smart").broken is None
