"""Layered samples in the layout of the released data set: five clips a sample, and a JSONL of rows to find them by."""

import json
import shutil
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from vera.data.release_layout import CLIPS, INSTRUCTION, index_path
from vera.data.sample import LayeredSample
from vera.errors import VeraError
from vera.video import write_lossless

FRAME_RATE = Fraction(16)  # Wan's own rate
NAMES = {
    "source": "input",
    "edit": "edit_rgb",
    "alpha": "edit_alpha",
    "composite": "target_composite",
    "mask": "mask",
}


def write_clips(sample: LayeredSample, root: Path, split: str, name: str) -> dict[str, Any]:
    """Write one sample's clips below `root`, lossless, replacing what was there; return its row, paths from `root`.

    They get their final names together, when all are whole. VeraError if the disk refuses.
    """
    folder = (root / index_path(split, len(sample.alpha))).with_suffix("")
    part = folder / f".{name}.part"
    shutil.rmtree(part, ignore_errors=True)
    row: dict[str, Any] = {INSTRUCTION: sample.instruction, "edit_type": sample.task}
    try:
        part.mkdir(parents=True)
        for kind, field in CLIPS.items():
            frames = getattr(sample, kind)
            row[field] = None
            if frames is not None:
                file = f"{name}_{NAMES[kind]}.mp4"
                write_lossless(part / file, frames, FRAME_RATE)
                row[field] = (folder / file).relative_to(root).as_posix()
        for path in part.iterdir():
            path.replace(folder / path.name)
        part.rmdir()
    except (av.FFmpegError, OSError) as error:
        shutil.rmtree(part, ignore_errors=True)
        raise VeraError(f"{folder}: sample {name} cannot be written ({error.strerror or error})") from None
    return row


def append_row(row: dict[str, Any], root: Path, split: str, clip_frames: int) -> None:
    """Add the row of a sample whose clips are whole."""
    path = root / index_path(split, clip_frames)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(row, ensure_ascii=False) + "\n")
