"""Proxies as the studio makes them: H.264 of key frames, alpha as lossless VP9; and their planes, decoded here."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from vera.color.tags import FULL, LIMITED

Plane = NDArray[np.uint8]

INTRA = {"crf": "18", "preset": "veryfast", "bf": "0", "coder": "vlc", "x264-params": "keyint=1:scenecut=0"}
LOSSLESS = {
    "lossless": "1",
    "g": "1",
    "deadline": "realtime",
    "cpu-used": "8",
    "lag-in-frames": "0",
    "auto-alt-ref": "0",
}


@dataclass(frozen=True)
class Planes:
    """Y `[H,W]`, Cb and Cr `[H/2,W/2]`, uint8."""

    y: Plane
    cb: Plane
    cr: Plane

    def packed(self) -> Plane:
        return np.concatenate([self.y.ravel(), self.cb.ravel(), self.cr.ravel()]).reshape(-1, self.y.shape[1])


def noise(size: tuple[int, int], seed: int) -> Planes:
    """Shapes and grain over all code values of limited range."""
    width, height = size
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:height, 0:width]
    waves = np.sin(columns / random.uniform(4, 20)) + np.cos(rows / random.uniform(4, 20))
    y = 126 + 50 * waves + random.normal(0, 8, waves.shape)
    chroma = [128 + 80 * np.sin(rows[::2, ::2] / 9 + k) * np.cos(columns[::2, ::2] / 11 + seed + k) for k in (0, 2)]
    return Planes(*(plane.clip(16, 235).astype(np.uint8) for plane in (y, *chroma)))


def matte(size: tuple[int, int], seed: int) -> Plane:
    """A soft blob, empty around it and full in its middle, with a few specks."""
    width, height = size
    random = np.random.default_rng(seed)
    x, y = random.uniform(0.3, 0.7, 2) * size
    rows, columns = np.mgrid[0:height, 0:width]
    radius = random.uniform(0.15, 0.35) * min(size)
    distance = np.hypot(columns - x, rows - y)
    alpha = ((radius - distance) / random.uniform(1, 12) + 0.5).clip(0, 1) * 255
    alpha[random.random(alpha.shape) < 0.002] = random.integers(1, 255)
    return np.asarray(np.rint(alpha), np.uint8)


def write_planes(path: Path, frames: list[Planes], fps: Fraction | int = 25, sound: bool = False) -> Path:
    """Write H.264 of key frames, perhaps with a tone."""
    return _write(path, "libx264", INTRA, frames, fps, sound=sound)


def write_alpha(path: Path, frames: list[Plane], fps: Fraction | int = 25) -> Path:
    """Write lossless VP9 whose luma is alpha."""
    grey = np.full((frames[0].shape[0] // 2, frames[0].shape[1] // 2), 128, np.uint8)
    return _write(path, "libvpx-vp9", LOSSLESS, [Planes(frame, grey, grey) for frame in frames], fps, full_range=True)


def read_planes(path: Path) -> list[Planes]:
    """Decode a proxy."""
    with av.open(str(path)) as container:
        return [_planes(frame) for frame in container.decode(video=0)]


def _planes(frame: av.VideoFrame) -> Planes:
    packed, height, width = frame.to_ndarray().ravel(), frame.height, frame.width
    luma, chroma = width * height, width * height // 4
    y, cb, cr = packed[:luma], packed[luma : luma + chroma], packed[luma + chroma :]
    return Planes(y.reshape(height, width), *(part.reshape(height // 2, width // 2) for part in (cb, cr)))


def _write(
    path: Path,
    codec: str,
    options: dict[str, str],
    frames: list[Planes],
    fps: Fraction | int,
    *,
    sound: bool = False,
    full_range: bool = False,
) -> Path:
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=fps, options=options)
        stream.height, stream.width = frames[0].y.shape
        stream.pix_fmt = "yuv420p"
        stream.codec_context.color_range = FULL if full_range else LIMITED
        tone: Any = container.add_stream("aac", rate=48000, layout="mono") if sound else None
        for number, planes in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(planes.packed(), "yuv420p")
            frame.pts, frame.time_base = number, 1 / Fraction(fps)
            frame.color_range = stream.codec_context.color_range
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if tone is not None:
            _write_tone(container, tone, float(len(frames) / Fraction(fps)))
    return path


def _write_tone(container: Any, stream: Any, seconds: float) -> None:
    count = int(seconds * 48000)
    for start in range(0, count, 1024):
        wave = 0.2 * np.sin(2 * np.pi * 440 * np.arange(start, start + 1024) / 48000)
        frame = av.AudioFrame.from_ndarray(wave[None].astype(np.float32), "fltp", "mono")
        frame.sample_rate, frame.pts = 48000, start
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))
