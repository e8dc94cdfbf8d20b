"""A small clip with timecode and sound, layers over six of its frames, and ffmpeg's executable to read exports."""

import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import imageio_ffmpeg
import numpy as np
import pytest
from tests.clips import make_clip

from vera.color.tags import ColorTags
from vera.layers import LayeredEdit, save_layers
from vera.video import Clip, open_clip

FIRST = 3  # the layers start at the clip's fourth frame
MISSING = 2  # and the third of theirs is not there


class Case(NamedTuple):
    """A clip, a layer folder for it, and the pictures that an export must hold: one a source frame, at its size."""

    info: Clip
    folder: Path
    edit: np.ndarray
    alpha: np.ndarray


@pytest.fixture(scope="session")
def make_case() -> Callable[..., Case]:
    """Give `make_case(folder, dtype=uint8, **clip options)`."""

    def make(folder: Path, dtype: type = np.uint8, **options: Any) -> Case:
        settings: dict[str, Any] = {
            "frames": 12,
            "size": (66, 50),
            "fps": Fraction(24000, 1001),
            "pix_fmt": "yuv422p10le",
            "timecode": "01:00:00:10",
            "color": ColorTags(1, 1, 1, 1),
        }
        info = open_clip(make_clip(folder / "a clip.mov", **(settings | options)))
        (width, height), count, top = info.display_size, 6, np.iinfo(dtype).max
        random = np.random.default_rng(0)
        across, down = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
        edit = np.stack([np.stack([across, down, 1 - across * down * t / 6], -1) for t in range(count)])
        edit = np.rint(edit * top).astype(dtype)
        alpha = random.integers(0, 65536, (count, height, width)).astype(np.uint16)
        alpha[:, : height // 4], alpha[:, -height // 4 :] = 0, 65535
        kept = [index for index in range(count) if index != MISSING]
        pts = tuple(info.pts[FIRST + index] for index in kept)
        metadata = {"instruction": "add a balloon", "source": {"name": info.path.name}}
        save_layers(LayeredEdit(edit[kept], alpha[kept], pts, info.time_base, metadata), folder / "layers")
        edit[MISSING], alpha[MISSING] = 0, 0
        return Case(info, folder / "layers", edit, alpha)

    return make


@pytest.fixture(scope="session")
def case(tmp_path_factory: pytest.TempPathFactory, make_case: Callable[..., Case]) -> Case:
    return make_case(tmp_path_factory.mktemp("case"), audio=True)


def ffmpeg(*arguments: object) -> bytes:
    """What ffmpeg's executable, another version than the library's, writes to its output; an error fails the test."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0 and not done.stderr, done.stderr.decode()
    return done.stdout


def decode(path: Path, pix_fmt: str, shape: tuple[int, ...], dtype: str, *before: str) -> np.ndarray:
    """All frames of a file, by ffmpeg's executable, in its own format `pix_fmt`, as `[T, *shape]`."""
    raw = ffmpeg(*before, "-i", path, "-f", "rawvideo", "-pix_fmt", pix_fmt, "-")
    return np.frombuffer(raw, dtype).reshape(-1, *shape)


def describe(path: Path) -> str:
    """What ffmpeg's executable says of a file."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-i", str(path)]
    return subprocess.run(command, capture_output=True, check=False, text=True).stderr
