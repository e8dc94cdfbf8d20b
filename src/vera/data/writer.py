"""Layered samples on disk: one folder of lossless clips for each sample, and `samples.jsonl` to find them by."""

import json
import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from vera.data.sample import LayeredSample
from vera.errors import VeraError
from vera.video import write_lossless

FRAME_RATE = Fraction(16)  # Wan's own rate
INDEX = "samples.jsonl"


def write_samples(
    make: Callable[[int], LayeredSample],
    count: int,
    seed: int,
    folder: Path,
    progress: Callable[[str, int, int], None] | None = None,
) -> int:
    """Write samples 0 to `count - 1` of `make` below `folder`; returns how many were new.

    A sample is a folder `000012` with `input.mkv`, `edit.mkv`, `composite.mkv` (FFV1 RGB), `alpha.mkv` and, where the
    sample has one, `mask.mkv` (FFV1 grey), and after that a line in `samples.jsonl`. So whatever stops the work, the
    samples of the index are whole; the same call goes on where it ended. VeraError where `folder` holds another seed
    or the disk refuses.
    """
    folder.mkdir(parents=True, exist_ok=True)
    done = _read_index(folder / INDEX, seed)
    new = [index for index in range(count) if index not in done]
    for step, index in enumerate(new):
        if progress is not None:
            progress("samples", count - len(new) + step, count)
        sample = make(index)
        try:
            record = write_sample(sample, folder / f"{index:06d}")
            with (folder / INDEX).open("a", encoding="utf-8") as lines:
                lines.write(json.dumps({"index": index, "seed": seed, **record}, ensure_ascii=False) + "\n")
        except (av.FFmpegError, OSError) as error:
            raise VeraError(f"{folder}: sample {index} cannot be written ({error.strerror or error})") from None
    if progress is not None:
        progress("samples", count, count)
    return len(new)


def write_sample(sample: LayeredSample, folder: Path) -> dict[str, Any]:
    """Write one sample, replacing what `folder` held; returns its line of the index, paths relative to the parent."""
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    clips = {
        "input": sample.source,
        "edit": sample.edit,
        "alpha": sample.alpha,
        "composite": sample.composite,
        "mask": sample.mask,
    }
    for name, frames in clips.items():
        if frames is not None:
            write_lossless(part / f"{name}.mkv", frames, FRAME_RATE)
    shutil.rmtree(folder, ignore_errors=True)
    part.rename(folder)
    frame_count, height, width = sample.alpha.shape
    return {
        "task": sample.task,
        "instruction": sample.instruction,
        "frames": frame_count,
        "width": width,
        "height": height,
        **{name: None if frames is None else f"{folder.name}/{name}.mkv" for name, frames in clips.items()},
    }


def _read_index(path: Path, seed: int) -> set[int]:
    """Indices of the whole lines; a last line that a kill cut short is taken off the file."""
    if not path.exists():
        return set()
    text = path.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        path.write_text(whole, encoding="utf-8")
    records = [json.loads(line) for line in whole.splitlines()]
    other = {record["seed"] for record in records} - {seed}
    if other:
        raise VeraError(f"{path.parent} holds samples of seed {min(other)}, not {seed}: choose another folder")
    return {record["index"] for record in records}
