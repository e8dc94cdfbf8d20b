"""Metrics records as JSON lines: shared out to processes, resumed after a kill."""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vera.evaluation.predictions.record import Record, to_record
from vera.progress import Progress
from vera.resumable import read_rows
from vera.workers import share_out

Job = tuple[int, str, tuple[Any, ...]]  # case, candidate and the arguments that make their record
RECORDS = "records.jsonl"


def collect(
    out: Path, jobs: Sequence[Job], make: Callable[..., Record], workers: int | None, progress: Progress | None = None
) -> list[Record]:
    """The records of all jobs, by case: those in `out`/records.jsonl, and `make(*arguments)` of the others.

    `workers` processes (None: one for each core, at most eight with a GPU) share the work; what a record rests on, such
    as pictures, `make` has written before it returns.
    """
    records = {(record.case, record.candidate): record for record in read_records(out)}
    wanted = [(case, candidate) for case, candidate, _ in jobs]
    waiting = [arguments for (case, candidate, arguments) in jobs if (case, candidate) not in records]
    done = len(jobs) - len(waiting)
    with (out / RECORDS).open("a", encoding="utf-8") as file:
        results = share_out(make, waiting, workers or _default_workers())
        for number, record in enumerate(results, done + 1):
            file.write(json.dumps(asdict(record)) + "\n")
            file.flush()
            records[record.case, record.candidate] = record
            if progress is not None:
                progress("measure", number, len(jobs))
    return sorted((records[key] for key in wanted), key=lambda record: record.case)


def read_records(out: Path) -> list[Record]:
    """The records of a folder; a last line that a kill cut short is dropped from the file, too.

    Raises VeraError for a line that is no record.
    """
    return [to_record(row, f"{out / RECORDS}:{number}") for number, row in enumerate(read_rows(out / RECORDS), 1)]


def _default_workers() -> int:
    import torch  # not for every worker

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, 8) if torch.cuda.is_available() else cores
