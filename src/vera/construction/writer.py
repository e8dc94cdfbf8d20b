"""Many samples into one folder in the released data set's layout: in parallel, and going on where it was stopped."""

import pickle
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from vera.data.released.writer import append_row, write_clips
from vera.data.sample import LayeredSample, Task
from vera.errors import VeraError
from vera.fields import check_counts
from vera.resumable import alone_in, keep_note, read_rows
from vera.workers import share_out

Make = Callable[[int], LayeredSample]
Written = tuple[str, int, dict[str, Any]]  # split, frames and row of a sample

FOLDER = "vera-train-set"
NOTE = "synth.json"  # what the samples are made of
SPLITS: dict[Task, str] = {"obj_add": "synthetic-obj-add", "background_replace": "synthetic-bg-change"}


def write_samples(
    open_make: Callable[[], Make],
    count: int,
    seed: int,
    root: Path,
    workers: int = 1,
    progress: Callable[[str, int, int], None] | None = None,
    made: Mapping[str, Any] = MappingProxyType({}),
) -> int:
    """Write samples 0 to `count - 1` below `root`, in the splits of their tasks; returns how many were new.

    `open_make()` gives the function from a sample's number to the sample; with more than one worker it is called once
    in each process and must be picklable. A sample's row, with its number and `seed`, is added when its clips are
    whole, rows in order of the numbers: so whatever stops the work, the same call goes on, and the folder is the same
    for any number of workers. `made`, JSON values by name, is what besides the seed tells these samples from others; a
    folder without a note of it, by an earlier version, takes them. VeraError where `root` holds samples of another seed
    or made of something else, another process writes there, or the disk refuses.
    """
    check_counts(count=count, workers=workers)
    with alone_in(root):
        done = _read_numbers(root, seed)
        if (root / NOTE).is_file():  # it comes with the first sample: arguments that make none bind nobody
            keep_note(root / NOTE, made, "samples")
        new = [number for number in range(count) if number not in done]
        if not new:
            return 0
        if workers == 1:
            make = open_make()
            written: Iterator[Written] = (_write_one(number, root, make) for number in new)
        else:
            opener = pickle.dumps(open_make)
            written = share_out(_work, [(opener, number, root) for number in new], workers, ordered=True)
        for step, (number, (split, frames, row)) in enumerate(zip(new, written, strict=True)):
            keep_note(root / NOTE, made, "samples")
            append_row({**row, "number": number, "seed": seed}, root, split, frames)
            if progress is not None:
                progress("samples", count - len(new) + step + 1, count)
        return len(new)


@cache
def _opened(opener: bytes) -> Make:
    """Call the pickled `opener`, once in a process: for its first sample, so that an error reaches the user."""
    make: Make = pickle.loads(opener)()
    return make


def _work(opener: bytes, number: int, root: Path) -> Written:
    return _write_one(number, root, _opened(opener))


def _write_one(number: int, root: Path, make: Make) -> Written:
    """Write the clips of a sample; its split, frames and row."""
    sample = make(number)
    split = SPLITS[sample.task]
    return split, len(sample.alpha), write_clips(sample, root, split, f"{number:06d}")


def _read_numbers(root: Path, seed: int) -> set[int]:
    """Numbers of the whole rows; a last line that a kill cut short is taken off its file."""
    numbers = set()
    for split in SPLITS.values():
        for path in sorted(root.glob(f"{FOLDER}/*-frames/{split}.jsonl")):
            for row in read_rows(path):
                if row.get("seed") != seed or not isinstance(row.get("number"), int):
                    raise VeraError(
                        f"{root} holds samples of seed {row.get('seed')}, not {seed}: choose another folder"
                    )
                numbers.add(row["number"])
    return numbers
