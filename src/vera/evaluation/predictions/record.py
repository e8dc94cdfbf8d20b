"""The metrics record of one prediction."""

from dataclasses import dataclass
from typing import Any, get_args

from vera.data.sample import Task
from vera.errors import VeraError

Measures = dict[str, float]  # by the names of `vera.evaluation.reports.table`, those that the case has


@dataclass(frozen=True)
class Record:
    """The measures of one candidate's prediction for one case."""

    case: int
    task: Task
    candidate: str
    measures: Measures


def to_record(row: dict[str, Any], where: str) -> Record:
    """Read a record from a row of JSON. Raises VeraError, which begins with `where`, for what is none."""
    measures = row.get("measures")
    right = (
        row.keys() == {"case", "task", "candidate", "measures"}
        and type(row["case"]) is int
        and row["task"] in get_args(Task)
        and isinstance(row["candidate"], str)
        and isinstance(measures, dict)
        and all(isinstance(value, int | float) for value in measures.values())
    )
    if not right:
        raise VeraError(f"{where}: is no record of an evaluation; take the line out, or choose another folder")
    return Record(**row)
