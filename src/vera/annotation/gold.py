"""Gold: clips of our own, whose masks and plates are known, among the tasks of everybody."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vera.annotation.clips import EVIDENCE, GOLD, Clips
from vera.annotation.store.tasks import NewTask
from vera.construction.formats.rle import encode_mask
from vera.data.released.layout import CLIPS, INSTRUCTION
from vera.data.released.writer import FRAME_RATE
from vera.data.synthesis.vocabulary import MODELS, SPRITES, nouns, plural
from vera.errors import VeraError
from vera.resumable import read_rows
from vera.video import read_lossless, write_lossless
from vera.whole import whole_folder

LEFT = 0.4  # of the object, that a spoilt plate still shows
NAMES = {"annotate": "synthetic-bg-change", "filter": "synthetic-obj-add"}  # splits whose truth is known


def make_gold(clips: Clips, dataset: Path) -> list[NewTask]:
    """Tasks whose answers are known, from a data set of `vera data synth`, their pictures written into the folder.

    A sample whose background was replaced has its subject's own mask: it is for `annotate`. One to which an object was
    added has the true plate: it is for `filter`, every other one with a ghost of the object left in it.
    VeraError where there is no such sample.
    """
    tasks = [*_annotating(clips, dataset), *_filtering(clips, dataset)]
    if not tasks:
        raise VeraError(f"{dataset}: holds no sample of `vera data synth`; make some, such as --count 40")
    return tasks


def _annotating(clips: Clips, dataset: Path) -> Iterator[NewTask]:
    for row in _rows(dataset, NAMES["annotate"]):
        frames, masks = _read(dataset, row, "composite"), _read(dataset, row, "mask") > 127
        prompts = [{"frame": t, "mask": encode_mask(mask)} for t, mask in enumerate(masks)]
        clip = _write(clips, row, {"frames.mkv": frames})
        yield NewTask("annotate", clip, truth={"objects": [{"noun": "subject", "prompts": prompts}]})


def _filtering(clips: Clips, dataset: Path) -> Iterator[NewTask]:
    for number, row in enumerate(_rows(dataset, NAMES["filter"])):
        source, frames = _read(dataset, row, "source"), _read(dataset, row, "composite")
        ghost = bool(number % 2)
        plate = np.rint(LEFT * frames + (1 - LEFT) * source).astype(np.uint8) if ghost else source
        hole = _read(dataset, row, "alpha") > 0
        files = {
            "frames.mkv": frames,
            "plate.mkv": plate,
            "hole.mkv": hole.astype(np.uint8) * np.uint8(255),
            EVIDENCE: hole.astype(np.uint8) * np.uint8(9),
        }
        verdict = {"accept": False, "reason": "ghost"} if ghost else {"accept": True}
        truth = {**verdict, "noun": noun_in(str(row.get(INSTRUCTION, "")))}
        yield NewTask("filter", _write(clips, row, files), "o1", truth)


def noun_in(instruction: str) -> str:
    """The thing that an instruction of `vera data synth` is about, as a person would have named it."""
    words = {word for thing in (*SPRITES, *MODELS) for word in nouns(thing)}
    named = (word for word in words if re.search(rf"\b({re.escape(word)}|{re.escape(plural(word))})\b", instruction))
    return max(named, key=len, default="object")


def _rows(dataset: Path, split: str) -> Iterator[dict[str, Any]]:
    for path in sorted(dataset.glob(f"*train-set/*-frames/{split}.jsonl")):
        yield from read_rows(path, mend=False)


def _read(dataset: Path, row: dict[str, Any], kind: str) -> NDArray[Any]:
    return read_lossless(dataset / str(row[CLIPS[kind]]))


def _write(clips: Clips, row: dict[str, Any], files: dict[str, NDArray[np.uint8]]) -> str:
    clip = GOLD + hashlib.sha256(str(row[CLIPS["composite"]]).encode()).hexdigest()[: 16 - len(GOLD)]
    folder = clips.folder / GOLD / clip
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with whole_folder(folder) as partial:
            for name, pixels in files.items():
                write_lossless(partial / name, pixels, FRAME_RATE)
    return clip
