"""The record of one edit: what was measured of it, and what could not be."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from vera.data.sample import Task
from vera.errors import VeraError

Measures = Mapping[str, float]  # by the names of `METRICS`


@dataclass(frozen=True)
class Record:
    """The measures of one method's edit for one case.

    `skipped` says in a line why a metric has no value. `key` is a hash of all that the record depends on: a record of
    another key does not count.
    """

    case: str
    task: Task
    method: str
    measures: Measures
    skipped: Mapping[str, str] = field(default_factory=dict)
    key: str = ""


def to_record(row: dict[str, Any], where: str) -> Record:
    """Read a record from a row of JSON. Raises VeraError, which begins with `where`, for what is none."""
    measures, skipped = row.get("measures"), row.get("skipped")
    right = (
        row.keys() == set(Record.__dataclass_fields__)
        and all(isinstance(row[name], str) for name in ("case", "method", "key"))
        and row["task"] in get_args(Task)
        and isinstance(measures, dict)
        and all(isinstance(value, int | float) for value in measures.values())
        and isinstance(skipped, dict)
        and all(isinstance(reason, str) for reason in skipped.values())
    )
    if not right:
        raise VeraError(f"{where}: is no record of an evaluation; take the line out, or choose another folder")
    return Record(**row)
