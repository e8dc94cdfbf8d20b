"""The edits that a run keeps, and the list of them that judges and reports read."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from vera.evaluation.cases.benchmark import ClipCase
from vera.evaluation.cases.frames import Region
from vera.evaluation.methods.method import Edited, folder_name
from vera.evaluation.predictions.collect import read_records
from vera.evaluation.predictions.run import EDITS
from vera.files import json_text, read_json
from vera.video import write_lossless
from vera.whole import whole_file, write_text

NOTE = "edit.json"


def edit_folder(out: Path, method: str, case: str) -> Path:
    """Where the files of an edit are."""
    return out / "edits" / folder_name(method) / case


def note_edit(out: Path, method: str, case: ClipCase, edited: Edited) -> None:
    """Note in an edit's folder where its clip and its layers are, and what it is of."""
    layers = {} if edited.layers is None else {"layers": _relative(edited.layers, out)}
    row = {
        "case": case.id,
        "instruction": case.instruction,
        "source": _relative(case.source, out),
        "result": _relative(edited.result, out),
        "method": method,
        "task": case.task,
    }
    write_text(edit_folder(out, method, case.id) / NOTE, json_text(row | layers))


def keep_preserved(out: Path, case: str, region: Region | None) -> None:
    """Write what a case must preserve as a lossless grey clip, white on it, once; nothing where that is unknown."""
    path = _preserved_path(out, case)
    if region is not None and not path.is_file():
        path.parent.mkdir(exist_ok=True)
        with whole_file(path) as partial:
            write_lossless(partial, region.astype(np.uint8) * np.uint8(255))


def write_edits(out: Path) -> Path:
    """Write anew the list of all edits of a run that were measured, as `vera evaluate judge` reads it; returns it."""
    last = {(record.case, record.method): record for record in read_records(out)}
    rows: list[dict[str, Any]] = []
    for record in last.values():
        path = edit_folder(out, record.method, record.case) / NOTE
        note = read_json(path) if record.measures and path.is_file() else {}
        if note.get("method") == record.method:  # else a later method's, whose name is the same folder's
            preserved = _preserved_path(out, record.case)
            rows.append(note | ({"preserved": _relative(preserved, out)} if preserved.is_file() else {}))
    write_text(out / EDITS, "".join(f"{json.dumps(row)}\n" for row in rows))
    return out / EDITS


def _preserved_path(out: Path, case: str) -> Path:
    return out / "preserved" / f"{case}.mkv"


def _relative(path: Path, out: Path) -> str:
    return Path(os.path.relpath(path, out)).as_posix()
