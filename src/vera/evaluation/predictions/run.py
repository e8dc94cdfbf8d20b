"""The folder of a run: what it keeps to, where things lie in it, and how its processes share the machine."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import torch

from vera.errors import VeraError
from vera.evaluation.methods.method import folder_name
from vera.evaluation.predictions.collect import RECORDS
from vera.files import check_outputs
from vera.resumable import alone_in, keep_note
from vera.workers import own_number

RUN = "run.json"
EDITS = "edits.jsonl"  # what judges read
# What the runs write into their folder.
WRITTEN = (RUN, RECORDS, EDITS, "objects.npz", "scenes.npz", "strips", "clips", "edits", "preserved")


@contextmanager
def keep_to(out: Path, what: Mapping[str, Any], reads: Iterable[Path]) -> Iterator[None]:
    """Make the folder of a run that is `what`, JSON values, note that in it, and hold it while the block runs.

    VeraError if it is another run's, if another process holds it, or if the run would write over one of the files or
    folders that it `reads`.
    """
    check_outputs(list(reads), [out / name for name in WRITTEN])
    if out.exists() and not out.is_dir():
        raise VeraError(f"{out}: is a file; name a folder for the run")
    with alone_in(out):
        keep_note(out / RUN, what, "the records of a run")
        yield


def strip_path(out: Path, case: str, method: str) -> Path:
    """File of the picture strip of a case."""
    return out / "strips" / folder_name(method) / f"{case}.jpg"


def use_threads(count: int = 1) -> None:
    """Processes share the cores, which threads do far worse, and the GPUs: each works on one of them."""
    torch.set_num_threads(count)
    cv2.setNumThreads(count)
    if torch.cuda.is_available():
        torch.cuda.set_device(own_number() % torch.cuda.device_count())
