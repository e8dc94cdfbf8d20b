"""Records as JSON lines: shared out to processes, each kept as it comes, none made twice."""

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vera.evaluation.predictions.record import Record, to_record
from vera.progress import Progress
from vera.resumable import append_row, numbered_rows
from vera.workers import share_out

RECORDS = "records.jsonl"


@dataclass(frozen=True)
class Job:
    """A record that is wanted: of which case, method and key, and the arguments that make it."""

    case: str
    method: str
    key: str
    arguments: tuple[Any, ...]


def key_of(**depends: Any) -> str:
    """Hash plain JSON values: what a record depends on."""
    return hashlib.sha256(json.dumps(depends, sort_keys=True, default=str).encode()).hexdigest()[:32]


def collect(
    out: Path, jobs: Sequence[Job], make: Callable[..., Record], workers: int | None, progress: Progress | None = None
) -> list[Record]:
    """The records of all jobs, in their order: those in `out`/records.jsonl, and `make(*arguments)` of the others.

    A record counts if it has the job's key and a measure: what could not be done at all is tried again. `workers`
    processes (None: one for each core, at most eight with a GPU) share the work; what a record rests on, such as
    pictures, `make` has written before it returns.
    """
    kept = {(record.case, record.method): record for record in read_records(out)}
    wanted = {(job.case, job.method): job for job in jobs}
    done = {place for place, job in wanted.items() if (found := kept.get(place)) and _is_whole(found, job)}
    waiting = [job.arguments for place, job in wanted.items() if place not in done]
    workers = _default_workers() if workers is None else workers
    for number, record in enumerate(share_out(make, waiting, workers), len(done) + 1):
        place = record.case, record.method
        if kept.get(place) != record:
            append_row(out / RECORDS, asdict(record))
        kept[place] = record
        if progress is not None:
            progress("measure", number, len(wanted))
    return [kept[place] for place in wanted]


def read_records(out: Path, mend: bool = True) -> list[Record]:
    """The records of a folder; with `mend` a last line that a kill cut short is dropped from the file, too.

    Raises VeraError for a line that is no record.
    """
    path = out / RECORDS
    return [to_record(row, f"{path}:{number}") for number, row in numbered_rows(path, mend)]


def _default_workers() -> int:
    import torch  # not for every worker

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, 8) if torch.cuda.is_available() else cores


def _is_whole(record: Record, job: Job) -> bool:
    return record.key == job.key and bool(record.measures)
