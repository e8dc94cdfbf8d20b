"""Proxies: a frame for each frame, each a key frame, at its time; upright, square pixels, BT.709; thumbnails, peaks."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from tests.clips import make_clip as new_clip
from tests.executable import ffmpeg

from vera.color.tags import ColorTags
from vera.color.transform import color_transform
from vera.video import Clip, model_view, open_clip
from vera.video.proxy import proxy_size, small_size, thumbnail_frames, write_proxy
from vera.video.view import source_view

CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "large": {"size": (2600, 100), "frames": 3},
    "odd": {"size": (63, 47), "codec": "ffv1", "pix_fmt": "yuv444p", "suffix": ".mkv"},
    "turned": {"rotation": 90},
    "anamorphic": {"sample_aspect": Fraction(4, 3)},
    "vfr": {"time_base": Fraction(1, 600), "pts": [0, 7, 30, 50, 51, 90, 95, 200]},
    "begins late": {"pts": [50, 51, 52, 53, 54, 55, 56, 57], "suffix": ".mkv"},
    "hdr": {"pix_fmt": "yuv420p10le", "codec": "ffv1", "suffix": ".mkv", "color": ColorTags(1, 9, 16, 9)},
}


def clip_of(folder: Path, case: str) -> Clip:
    how: dict[str, Any] = {"frames": 8, "size": (96, 64)} | CASES[case]
    suffix = how.pop("suffix", ".mp4")
    return open_clip(new_clip(folder / f"in{suffix}", **how))


@pytest.mark.parametrize("case", CASES)
def test_every_frame_at_its_time(case: str, tmp_path: Path) -> None:
    clip = clip_of(tmp_path, case)
    out = tmp_path / "out"
    out.mkdir()
    told: list[tuple[str, int, int]] = []
    write_proxy(clip, out, lambda *step: told.append(step))
    proxy = open_clip(out / "proxy.mp4")
    assert proxy.frame_count == clip.frame_count and told[-1] == ("proxy", clip.frame_count, clip.frame_count)
    for one, other in zip(proxy.pts, clip.pts, strict=True):
        assert (one - proxy.pts[0]) * proxy.time_base == (other - clip.pts[0]) * clip.time_base
    assert proxy.display_size == proxy_size(clip) and max(proxy.display_size) <= 1280
    assert proxy.display_matrix is None and proxy.sample_aspect == 1
    assert proxy.color == ColorTags(1, 1, 1, 1) and proxy.pix_fmt == "yuv420p"
    with av.open(str(out / "proxy.mp4")) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        assert all(packet.is_keyframe and packet.pts == packet.dts for packet in packets)
    transform = color_transform(clip.color)
    with clip.frames() as sources, proxy.frames() as shown:
        for source, small in zip(sources, shown, strict=True):
            wanted = source_view(source, *proxy.display_size, clip.orientation, transform).astype(int)
            found = model_view(small, *proxy.display_size).astype(int)
            assert np.abs(wanted.mean((0, 1)) - found.mean((0, 1))).max() < 5


def test_sizes() -> None:
    def size(width: int, height: int, aspect: Fraction = Fraction(1)) -> tuple[int, int]:
        class Shape:
            display_size, display_aspect = (width, height), aspect

        return proxy_size(Shape())  # type: ignore[arg-type]

    assert size(3840, 2160) == (1280, 720)
    assert size(720, 576, Fraction(16, 15)) == (768, 576)
    assert size(720, 480, Fraction(8, 9)) == (720, 540)
    assert size(64, 48) == (64, 48) and size(63, 47) in ((62, 46), (64, 48), (64, 46))
    assert size(16384, 2) == (1280, 2)


def test_a_proxy_at_half_the_size(tmp_path: Path) -> None:
    write_proxy(open_clip(new_clip(tmp_path / "in.mp4", 4, (962, 540))), tmp_path)
    whole, small = (open_clip(tmp_path / f"{name}.mp4") for name in ("proxy", "small"))
    assert whole.display_size == (962, 540) and small.display_size == (480, 270) == small_size((962, 540))
    assert (small.pts, small.time_base) == (whole.pts, whole.time_base) and small.audio == ()
    with whole.frames() as wholes, small.frames() as smalls:
        for one, other in zip(wholes, smalls, strict=True):
            assert np.abs(model_view(one, 30, 18).astype(int) - model_view(other, 30, 18)).max() < 12
    with av.open(str(tmp_path / "small.mp4")) as container:
        assert all(packet.is_keyframe for packet in container.demux(video=0) if packet.size)


def test_a_small_proxy_has_no_smaller_one(tmp_path: Path) -> None:
    write_proxy(open_clip(new_clip(tmp_path / "in.mp4", 2, (640, 360))), tmp_path)
    assert small_size((640, 360)) is None and not (tmp_path / "small.mp4").exists()
    assert small_size((1280, 2)) == (640, 2)


def test_grey_and_colours_keep_their_values(tmp_path: Path) -> None:
    """Flat colours come back within the codec's step: the matrix and range are those that the tags say."""
    path = tmp_path / "in.mkv"
    colors = [(16, 128, 240), (200, 30, 30), (128, 128, 128), (255, 255, 255), (0, 0, 0)]
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "bgr0"
        for number, color in enumerate(colors):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), color, np.uint8), "rgb24").reformat(format="bgr0")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    write_proxy(open_clip(path), tmp_path)
    with open_clip(tmp_path / "proxy.mp4").frames() as reader:
        for color, frame in zip(colors, reader, strict=True):
            assert np.abs(model_view(frame, 64, 64)[20:40, 20:40].mean((0, 1)) - color).max() <= 2.5


def test_thumbnails_are_a_row_of_tiles(tmp_path: Path) -> None:
    clip = open_clip(new_clip(tmp_path / "in.mp4", 60, (96, 64)))
    write_proxy(clip, tmp_path)
    with Image.open(tmp_path / "thumbnails.jpg") as strip:
        assert strip.size == (48 * 108, 72)
    assert thumbnail_frames(clip)[0] == 0 and thumbnail_frames(clip)[-1] == 59
    assert not (tmp_path / "peaks.json").exists()


@pytest.mark.parametrize("size", [(2, 2), (1024, 4), (4, 1024), (16, 16)])
def test_shapes_that_are_rare(size: tuple[int, int], tmp_path: Path) -> None:
    clip = open_clip(new_clip(tmp_path / "in.mkv", 50, size, codec="ffv1", pix_fmt="yuv444p"))
    write_proxy(clip, tmp_path)
    assert open_clip(tmp_path / "proxy.mp4").frame_count == 50
    with Image.open(tmp_path / "thumbnails.jpg") as strip:
        assert strip.width % 48 == 0 and strip.width <= 48 * 320 and strip.height <= 72


def test_sound_and_its_peaks(tmp_path: Path) -> None:
    clip = open_clip(new_clip(tmp_path / "in.mp4", 50, (96, 64), audio=True))
    write_proxy(clip, tmp_path)
    proxy = open_clip(tmp_path / "proxy.mp4")
    assert [track.codec for track in proxy.audio] == ["aac"]
    peaks = json.loads((tmp_path / "peaks.json").read_text())["peaks"]
    assert len(peaks) == 2000 and 0 < max(peaks) <= 255 and all(type(peak) is int for peak in peaks)
    assert np.count_nonzero(peaks) > 1800  # a tone all along
    with av.open(str(tmp_path / "proxy.mp4")) as container:
        length = sum(frame.samples / frame.sample_rate for frame in container.decode(audio=0))
    assert length == pytest.approx(2, abs=0.1)


def sound_of(path: Path) -> NDArray[np.float32]:
    """The first sound track `[channels,n]` as decoded, its packets one after the other."""
    with av.open(str(path)) as container:
        return np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)


def joined(folder: Path, *sounds: tuple[str | int, ...]) -> Path:
    """A broadcast of half a second of pictures and sound for each of `sounds`, as ffmpeg is told to encode it."""
    for index, options in enumerate(sounds):
        given = ("-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=0.52", "-f", "lavfi", "-i", "sine=440:r=48000:d=0.52")
        ffmpeg(*given, "-pix_fmt", "yuv420p", "-c:v", "libx264", *options, folder / f"{index}.ts")
    (folder / "list").write_text("".join(f"file {index}.ts\n" for index in range(len(sounds))))
    ffmpeg("-f", "concat", "-i", folder / "list", "-c", "copy", folder / "joined.ts", silent=False)
    return folder / "joined.ts"


STEREO = ("-c:a", "ac3", "-ac", 2)


@pytest.mark.parametrize("after", [("-c:a", "ac3", "-ac", 6), (*STEREO, "-ar", 32000)])
def test_sound_whose_kind_changes(after: tuple[str | int, ...], tmp_path: Path) -> None:
    write_proxy(open_clip(joined(tmp_path, STEREO, after, STEREO)), tmp_path)
    heard = np.abs(sound_of(tmp_path / "proxy.mp4")).max(axis=0)
    assert len(heard) / 48000 == pytest.approx(1.56, abs=0.1)
    tenths = heard[: len(heard) // 4800 * 4800].reshape(-1, 4800).max(axis=1)
    assert (tenths[:15] > 0.01).all()


def test_sound_whose_times_step_back(tmp_path: Path) -> None:
    joined(tmp_path, ("-c:a", "aac"))
    (tmp_path / "two.ts").write_bytes((tmp_path / "0.ts").read_bytes() * 2)
    ffmpeg("-i", tmp_path / "two.ts", "-c", "copy", tmp_path / "in.ts", silent=False)
    with av.open(str(tmp_path / "in.ts")) as container:
        times = [packet.pts for packet in container.demux(audio=0) if packet.pts is not None]
    assert times != sorted(times)
    write_proxy(open_clip(tmp_path / "in.ts"), tmp_path)
    assert sound_of(tmp_path / "proxy.mp4").shape[1] / 48000 == pytest.approx(1.04, abs=0.1)


@pytest.mark.parametrize("value", [np.nan, np.inf, -1e30])
def test_samples_that_no_encoder_takes(value: float, tmp_path: Path) -> None:
    path = new_clip(tmp_path / "plain.mp4", 25, (96, 64), audio=True)
    ffmpeg("-i", path, "-c:v", "copy", "-c:a", "pcm_f32le", tmp_path / "in.mov")
    with av.open(str(tmp_path / "in.mov")) as container:
        place = next(packet.pos for packet in container.demux(audio=0) if packet.size)
    data = bytearray((tmp_path / "in.mov").read_bytes())
    data[place + 400 : place + 404] = np.float32(value).tobytes()
    (tmp_path / "in.mov").write_bytes(data)
    write_proxy(open_clip(tmp_path / "in.mov"), tmp_path)
    heard = sound_of(tmp_path / "proxy.mp4")
    assert heard.shape[1] > 40000 and np.isfinite(heard).all()
    peaks = json.loads((tmp_path / "peaks.json").read_text())["peaks"]
    assert np.count_nonzero(peaks) > 1800
