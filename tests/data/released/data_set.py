"""A small data set of the released layout for tests."""

from pathlib import Path
from typing import Any

import numpy as np

from vera.data.released.dataset import ReleasedLayers
from vera.data.released.layout import SPLITS, task_of
from vera.data.released.writer import append_row, write_clips
from vera.data.sample import LayeredSample

SIZE = "32x16"
COUNTS = dict(zip(SPLITS, (3, 4, 5, 6, 7), strict=True))


def made(split: str, index: int, frames: int = 9, height: int = 16, width: int = 32) -> LayeredSample:
    rng = np.random.default_rng((SPLITS.index(split), index))
    source, edit = rng.integers(0, 256, (2, frames, height, width, 3), np.uint8)
    alpha = np.zeros((frames, height, width), np.uint8)
    alpha[:, 4:12, 8:20] = 255
    alpha[:, 4:12, 20:24] = 100
    weight = alpha[..., None] / np.float32(255)
    composite = np.round(weight * edit + (1 - weight) * source).astype(np.uint8)
    mask = np.where(alpha > 127, 0, 255).astype(np.uint8) if index % 2 else None
    return LayeredSample(source, edit, alpha, composite, mask, f"{split}: add {index}", task_of(split))


def write(root: Path, split: str, sample: LayeredSample, name: str) -> None:
    append_row(write_clips(sample, root, split, name), root, split, len(sample.alpha))


def opened(root: Path, **arguments: Any) -> ReleasedLayers:
    defaults = {"clip_frames": 9, "frames": 9, "size": SIZE, "fill": "as_is", "held_out_share": 0.0}
    return ReleasedLayers(str(root), **defaults | arguments)
