"""Small benchmarks in the layout of the released test set, and clips of all kinds."""

import json
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from vera.video import write_lossless

Frames = NDArray[np.uint8]
RATE = Fraction(10)
SHAPE = (10, 48, 64)  # frames, height, width


def texture(seed: int = 0, frames: int = SHAPE[0], height: int = SHAPE[1], width: int = SHAPE[2]) -> Frames:
    """Something that moves a pixel a frame."""
    noise = np.random.default_rng(seed).integers(30, 226, (12, 20, 3), dtype=np.uint8)
    whole = cv2.resize(noise, (width + frames, height), interpolation=cv2.INTER_CUBIC)
    return np.stack([whole[:, number : number + width] for number in range(frames)])


def square(frames: int = SHAPE[0], height: int = SHAPE[1], width: int = SHAPE[2]) -> Frames:
    """The matte of a square."""
    alpha = np.zeros((frames, height, width), np.uint8)
    alpha[:, 12:36, 8:32] = 255
    return alpha


def make_benchmark(folder: Path, names: Sequence[str] = ("one", "two"), truth: bool = True) -> Path:
    """A background to replace, and objects to add; with true layers, or with what the published rows have."""
    for number, name in enumerate(names):
        task = "bg-change" if number == 0 else "obj-add"
        base = folder / "vera-test-set" / task
        (base / "clips").mkdir(parents=True, exist_ok=True)
        source, alpha = texture(number), square()
        alpha = 255 - alpha if number == 0 else alpha
        edit = np.full_like(source, (200, 40, 40))
        result = np.where(alpha[..., None] > 0, edit, source)
        clips = {"input_path": source, "mask_path": 255 - alpha if number == 0 else None}
        clips |= {"alpha_path": alpha, "edit_rgb_path": edit, "composite_path": result} if truth else {}
        row = {"video_id": name, "prompt_id": 0, "prompt": f"add a red balloon {number}", "target_caption": "a balloon"}
        for field, frames in clips.items():
            if frames is not None:
                row[field] = f"clips/{number}-{field}.mkv"
                write_lossless(base / row[field], frames, RATE)
        with (base / "cases.jsonl").open("a") as file:
            file.write(json.dumps(row) + "\n")
    return folder


def write_timed(path: Path, frames: Frames, times: Sequence[float], codec: str = "ffv1", pix_fmt: str = "bgr0") -> Path:
    """Frames RGB or RGBA `[T,H,W,3 or 4]` shown at times in seconds."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=1000)
        stream.time_base = Fraction(1, 1000)
        stream.width, stream.height, stream.pix_fmt = frames.shape[2], frames.shape[1], pix_fmt
        for picture, time in zip(frames, times, strict=True):
            given = "rgba" if picture.shape[-1] == 4 else "rgb24"
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), given).reformat(format=pix_fmt)
            frame.pts, frame.time_base = round(time * 1000), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path
