"""What pictures say besides their samples: carried where an encoder writes it, said where it does not."""

import gc
import io
import warnings
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.packet import Packet
from PIL import Image, ImageCms
from tests.clips import LOSSLESS, make_frame
from tests.executable import ffmpeg

from vera.layers.composite import composite_frame
from vera.layers.layer_frame import LayerFrame
from vera.video import FrameReader, FrameWriter, copy_frame, open_clip, planes
from vera.video.carried.side_data import asides
from vera.video.smart.master import plan_smart, write_smart
from vera.video.smart.nal import escape, split_start_codes

FRAMES = 6
T35, TIME_CODE = 4, 136  # kinds of supplemental messages
CODECS = {
    "libx264": LOSSLESS["libx264"],
    "libx265": {"preset": "ultrafast", "x265-params": "lossless=1:log-level=none"},
}


def captions(number: int) -> bytes:
    """Of one frame, as CTA-708 puts them into ITU-T T.35: two letters of CEA-608 with odd parity, and a filler."""
    pair = bytes(letter | (0 if letter.bit_count() % 2 else 0x80) for letter in (0x41 + number, 0x61 + number))
    return b"\xb5\x00\x31GA94\x03\x42\xff" + b"\xfc" + pair + b"\xfa\x00\x00" + b"\xff"


def packed(*fields: tuple[int, int]) -> bytes:
    """Values of so many bits each, and the bits that end them."""
    text = "".join(f"{value:0{bits}b}" for value, bits in fields) + "1"
    return int(text.ljust(-(-len(text) // 8) * 8, "0"), 2).to_bytes(-(-len(text) // 8), "big")


HDR10_PLUS = b"\xb5\x00\x3c\x00\x01\x04" + packed(
    (1, 8), (1, 2), (400, 27), (0, 1), (1000, 17), (1000, 17), (1000, 17), (500, 17), (0, 4), (0, 10), (0, 1), (0, 2)
)  # SMPTE ST 2094-40


def time_code(number: int) -> bytes:
    """01:00:00:number, ITU-T H.265, D.2.27."""
    return packed((1, 2), (1, 1), (0, 1), (0, 5), (1, 1), (0, 2), (number, 9), (0, 6), (0, 6), (1, 5), (0, 5))


def spoken_clip(path: Path, encoder: str, messages: list[tuple[int, Any]]) -> Path:
    """A lossless clip whose pictures say `messages`: kinds, and their bytes for the frame of a number."""
    hevc = encoder == "libx265"
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(encoder, rate=25, options=dict(CODECS[encoder]))
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.max_b_frames = 0
        container.start_encoding()

        def mux(packets: list[Packet]) -> None:
            for packet in packets:
                units = split_start_codes(bytes(packet))
                first = [(unit[0] >> 1 & 63) < 32 if hevc else unit[0] & 31 in (1, 5) for unit in units].index(True)
                for kind, message in messages:
                    data = message(packet.pts)
                    sei = bytes([kind, len(data)]) + data + b"\x80"
                    units.insert(first, escape((b"\x4e\x01" if hevc else b"\x06") + sei))
                fresh: Packet = Packet(b"".join(b"\0\0\0\1" + unit for unit in units))
                fresh.stream, fresh.pts, fresh.dts = stream, packet.pts, packet.dts
                fresh.time_base, fresh.is_keyframe, fresh.duration = packet.time_base, packet.is_keyframe, 1
                container.mux(fresh)

        for index in range(FRAMES):
            frame = make_frame(seed=index)
            frame.pts, frame.time_base = index, Fraction(1, 25)
            mux(stream.encode(frame))
        mux(stream.encode(None))
    return path


def heard(path: Path) -> bytes:
    """The captions of all frames, taken out of the pictures by the executable."""
    out = path.with_suffix(".captions")
    ffmpeg("-f", "lavfi", "-i", f"movie={path}[out+subcc]", "-map", "0:s", "-c", "copy", "-f", "data", out)
    return out.read_bytes()


def copied(source: Path, out: Path, codec: str | None = None, edited: bool = False) -> list[str]:
    """Every frame to `out`, with a layer over each if `edited`; the notices."""
    edit, alpha = np.full((48, 64, 3), 200, np.uint8), np.zeros((48, 64), np.uint16)
    alpha[8:24, 8:24] = 65535
    with FrameReader(source) as reader, FrameWriter(out, open_clip(source), codec, audio_from=source) as writer:
        for frame in reader:
            writer.write(composite_frame(frame, LayerFrame(edit, alpha)) if edited else frame)
    return writer.notices


@pytest.mark.parametrize("edited", [False, True])
@pytest.mark.parametrize("encoder", ["libx264", "libx265"])
@pytest.mark.parametrize("codec", ["h264-lossless", "h265-lossless"])
def test_captions_are_carried(tmp_path: Path, encoder: str, codec: str, edited: bool) -> None:
    source = spoken_clip(tmp_path / "a.mp4", encoder, [(T35, captions)])
    assert len(heard(source)) == 6 * FRAMES
    assert copied(source, tmp_path / "b.mp4", codec, edited) == []
    assert heard(tmp_path / "b.mp4") == heard(source)


def test_what_an_encoder_does_not_write_is_said_once(tmp_path: Path) -> None:
    messages = [(T35, captions), (T35, lambda _: HDR10_PLUS), (TIME_CODE, time_code)]
    source = spoken_clip(tmp_path / "a.mp4", "libx265", messages)
    names = ["HDR10+ metadata", "closed captions", "timecode within the pictures"]
    with FrameReader(source) as reader:
        assert [sorted(asides(frame)) for frame in reader] == [names] * FRAMES
    for name, codec, lost in (("b.mkv", "ffv1", names), ("b.mp4", "h265-lossless", [names[0], names[2]])):
        with pytest.warns(UserWarning):
            notices = copied(source, tmp_path / name, codec)
        said = [
            f"{tmp_path / name}: can't hold the {what} of the source's pictures, so it is left out" for what in lost
        ]
        assert sorted(notices) == said


def test_what_only_later_frames_say_is_looked_for_there(tmp_path: Path) -> None:
    source = spoken_clip(tmp_path / "a.mp4", "libx264", [(T35, captions)])
    plain = spoken_clip(tmp_path / "plain.mp4", "libx264", [])
    for codec, lost in (("h264-lossless", 0), ("prores", 1)):
        pix_fmt = "yuv422p10le" if codec == "prores" else "yuv420p"
        ffmpeg("-i", plain, "-pix_fmt", pix_fmt, "-c:v", "ffv1", tmp_path / "like.mkv")
        info = open_clip(tmp_path / "like.mkv" if codec == "prores" else plain)
        out = tmp_path / f"{codec}.mov"
        with (
            FrameReader(info.path) as first,
            FrameReader(source) as later,
            warnings.catch_warnings(action="ignore"),
            FrameWriter(out, info, codec) as writer,
        ):
            for number, (one, other) in enumerate(zip(first, later, strict=True)):
                frame = one if number < 3 else other.reformat(format=pix_fmt)
                frame.pts, frame.time_base = one.pts, one.time_base
                writer.write(frame)
        assert len(writer.notices) == lost


def test_profiles_of_picture_files(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    (tmp_path / "in").mkdir()
    for number in range(2):
        picture = Image.fromarray(planes(make_frame(pix_fmt="rgb24", seed=number))[0].copy())
        picture.save(tmp_path / "in" / f"a.{number:04d}.png", icc_profile=profile)
    assert copied(tmp_path / "in", tmp_path / "png" / "b.####.png", edited=True) == []
    gc.collect()  # PyAV frees the name of such a profile twice where its side data are looked at
    for number in range(2):
        with Image.open(io.BytesIO((tmp_path / "png" / f"b.{number:04d}.png").read_bytes())) as result:
            assert result.info["icc_profile"] == profile
    with pytest.warns(UserWarning, match="can't hold the ICC profile of the source's pictures"):
        copied(tmp_path / "in", tmp_path / "tiff" / "b.####.tiff")


@pytest.mark.parametrize("encoder", ["libx264", "libx265"])
def test_smart_masters_keep_it_in_new_pictures_too(tmp_path: Path, encoder: str) -> None:
    messages = [(T35, captions)]
    if encoder == "libx265":
        messages += [(T35, lambda _: HDR10_PLUS), (TIME_CODE, time_code)]
    source, out = spoken_clip(tmp_path / "a.mp4", encoder, messages), tmp_path / "b.mp4"
    info = open_clip(source)
    work = plan_smart(source, ".mp4", [info.pts[3]])
    assert work.renewed

    def edited(frame: av.VideoFrame) -> av.VideoFrame:
        result = copy_frame(frame)
        planes(result)[0][...] = 100
        return result

    write_smart(info, out, work, edited)
    assert heard(out) == heard(source)
    with FrameReader(source) as before, FrameReader(out) as after:
        assert [asides(frame) for frame in after] == [asides(frame) for frame in before]


def test_a_copied_frame_says_the_same(tmp_path: Path) -> None:
    with FrameReader(spoken_clip(tmp_path / "a.mp4", "libx264", [(T35, captions)])) as reader:
        frame = next(iter(reader))
    twin = copy_frame(frame)
    assert [(side.type, bytes(side)) for side in twin.side_data] == [
        (side.type, bytes(side)) for side in frame.side_data
    ]
    assert all(np.array_equal(one, other) for one, other in zip(planes(frame), planes(twin), strict=True))
    planes(twin)[0][...] = 0
    assert planes(frame)[0].any()
