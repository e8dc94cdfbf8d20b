"""A run's folder as a report needs it: what was measured of which edit, and where its clips are."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from vera.errors import VeraError
from vera.evaluation.judges.cases import JudgedCase
from vera.evaluation.judges.rows import Row, rows_of_others
from vera.evaluation.predictions.collect import RECORDS, read_records
from vera.evaluation.predictions.record import Record
from vera.evaluation.predictions.run import EDITS
from vera.resumable import numbered_rows

JUDGED = "judged"  # the folder of `vera evaluate judge`, in the run's


class EditPaths(msgspec.Struct, frozen=True):
    """An edit's instruction and clips, relative to the list; `preserved` is white on the preserved region."""

    case: str
    instruction: str
    source: str
    result: str
    method: str = ""
    preserved: str | None = None


@dataclass(frozen=True)
class Run:
    """A run: `methods` in their order, measurements by case and method, edits likewise, verdicts of judges."""

    folder: Path
    methods: tuple[str, ...]
    measurements: Mapping[tuple[str, str], Record]
    edits: Mapping[tuple[str, str], EditPaths]
    verdicts: tuple[Row, ...]

    def tasks(self) -> tuple[str, ...]:
        """Tasks in the order of their first measurement, object addition before background replacement."""
        found = dict.fromkeys(one.task for one in self.measurements.values())
        return tuple(sorted(found, key=lambda task: (task != "obj_add", task != "background_replace")))

    def of_task(self, task: str) -> list[Record]:
        """Measurements of a task, by case."""
        return [one for one in self.measurements.values() if one.task == task]

    def cases(self, task: str) -> tuple[str, ...]:
        """Cases of a task, `clip-10` after `clip-9`."""
        return tuple(sorted({one.case for one in self.of_task(task)}, key=natural))


def read_run(folder: Path) -> Run:
    """Read a run's records, list of edits and verdicts; of several records of one edit the last counts.

    Raises VeraError for a folder without records and, with the line, for what is no record or edit. Lists of edits and
    verdicts may be missing, and so may clips; where they are there, verdicts on earlier ones have no scores.
    """
    records = read_records(folder, mend=False)
    if not records:
        raise VeraError(f"{folder}: holds no records ({RECORDS}); make them with `vera evaluate run --out {folder}`")
    measurements = {(one.case, one.method): _finite(one) for one in records}
    edits = {(one.case, one.method): one for one in _edits(folder / EDITS)}
    methods = dict.fromkeys(method for _, method in (*edits, *measurements))
    shown = {method for _, method in measurements}
    ordered = dict(sorted(measurements.items(), key=lambda item: natural(item[0][0])))
    verdicts = rows_of_others(folder / JUDGED, "", [_judged_case(folder, place, edits) for place in measurements])
    return Run(folder, tuple(name for name in methods if name in shown), ordered, edits, tuple(verdicts))


def natural(text: str) -> list[tuple[int, str]]:
    """A key that sorts numbers in names by their value."""
    return [(int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"(\d{1,18})", text)]


def _edits(path: Path) -> list[EditPaths]:
    return [_edit(row, f"{path}:{number}") for number, row in numbered_rows(path, mend=False)]


def _edit(row: Mapping[str, Any], where: str) -> EditPaths:
    try:
        return msgspec.convert(row, EditPaths)
    except msgspec.ValidationError as error:
        raise VeraError(f"{where}: is no edit of a run ({error}); take the line out, or run again") from None


def _finite(one: Record) -> Record:
    """The same with numbers that are none, which other programs may write, among what has no value."""
    wrong = {name: f"its value is {value}" for name, value in one.measures.items() if not math.isfinite(value)}
    if not wrong:
        return one
    kept = {name: value for name, value in one.measures.items() if name not in wrong}
    return replace(one, measures=kept, skipped={**one.skipped, **wrong})


def _judged_case(folder: Path, place: tuple[str, str], edits: Mapping[tuple[str, str], EditPaths]) -> JudgedCase:
    case, method = place
    edit = edits.get(place, EditPaths(case, "", "", ""))  # of one that is not listed there are no clips
    return JudgedCase(case, edit.instruction, folder / edit.source, folder / edit.result, method)
