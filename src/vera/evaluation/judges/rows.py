"""Verdicts on disk: a JSONL file for each judge."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from vera.errors import VeraError
from vera.evaluation.judges.cases import JudgedCase, edit_hash
from vera.evaluation.judges.judge import Verdict
from vera.resumable import append_row, numbered_rows
from vera.whole import alone

FOLDER = "verdicts"
MAPPINGS = ("scores", "reasons", "problems")
EARLIER = "judged an earlier edit"  # why a verdict that is there gives no score


@dataclass(frozen=True)
class Row:
    """One verdict as it is kept.

    `fingerprint`: of what it depends on; a row of another one does not count to its own judge. `edit`: of what every
    judge sees (`edit_hash`); a row of another one does not count to anybody. It is empty in files of earlier versions.
    """

    judge: str
    case: str
    method: str
    task: str
    fingerprint: str
    scores: dict[str, float]
    reasons: dict[str, str]
    problems: dict[str, str]
    prompt_tokens: int
    answer_tokens: int
    edit: str = ""


def make_row(judge: str, case: JudgedCase, fingerprint: str, verdict: Verdict) -> Row:
    """Return a verdict as a row."""
    return Row(
        judge,
        case.case,
        case.method,
        case.task,
        fingerprint,
        dict(verdict.scores),
        dict(verdict.reasons),
        dict(verdict.problems),
        verdict.prompt_tokens,
        verdict.answer_tokens,
        edit_hash(case),
    )


def rows_path(out: Path, judge: str) -> Path:
    """Return where a judge's rows are; two judges never share a file, whatever their names hold."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", judge)[:80].strip(".-")
    if plain != judge:
        plain += "-" + hashlib.sha256(judge.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return out / FOLDER / f"{plain}.jsonl"


@contextmanager
def judging(out: Path, judge: str) -> Iterator[None]:
    """Keep other processes from asking the same judge, and paying twice, while the block runs; other judges may be.

    VeraError if one does.
    """
    path = rows_path(out, judge)
    path.parent.mkdir(parents=True, exist_ok=True)
    with alone(path.with_suffix(".lock"), f"{out}: another process asks {judge!a:.60}; wait for it"):
        yield


def add_row(out: Path, row: Row) -> None:
    """Add a row to its judge's file; it is on the disk when this returns."""
    path = rows_path(out, row.judge)
    path.parent.mkdir(parents=True, exist_ok=True)
    append_row(path, asdict(row))


def rows_of(out: Path, judge: str) -> dict[tuple[str, str], Row]:
    """Return a judge's rows by case and method; of several for one, the last. VeraError for what is no row."""
    path = rows_path(out, judge)
    return _last(_row(row, f"{path}:{number}") for number, row in numbered_rows(path))


def rows_of_others(out: Path, judge: str, cases: Iterable[JudgedCase]) -> list[Row]:
    """Return what all judges but one said of cases, in the order of judges' files. VeraError for what is no row.

    A verdict on what is no longer the case's edit has no scores, and `EARLIER` as its problem.
    """
    wanted = {(case.case, case.method): case for case in cases}
    rows: list[Row] = []
    for path in sorted((out / FOLDER).glob("*.jsonl")):
        if path != rows_path(out, judge):
            read = (_row(row, f"{path}:{number}") for number, row in numbered_rows(path, mend=False))
            rows += [_as_of_now(row, wanted[key]) for key, row in _last(read).items() if key in wanted]
    return rows


def _as_of_now(row: Row, case: JudgedCase) -> Row:
    """Take the scores off a row whose edit has changed since; where clips are missing nothing tells that it has."""
    there = case.source.is_file() and case.result.is_file()
    if not row.edit or not there or row.edit == edit_hash(case):
        return row
    return replace(row, scores={}, reasons={}, problems=dict.fromkeys((*row.scores, *row.problems), EARLIER))


def _last(rows: Iterable[Row]) -> dict[tuple[str, str], Row]:
    return {(row.case, row.method): row for row in rows}


def _row(row: dict[str, Any], where: str) -> Row:
    row = {"edit": "", **row}
    texts = ("judge", "case", "method", "task", "fingerprint", "edit")
    right = (
        row.keys() == set(Row.__dataclass_fields__)
        and all(isinstance(row[name], str) for name in texts)
        and all(isinstance(row[name], dict) for name in MAPPINGS)
        and all(type(value) in (int, float) and 1 <= value <= 5 for value in row["scores"].values())
    )
    if not right:
        raise VeraError(f"{where}: is no verdict of a judge; take the line out, or choose another folder")
    return Row(**row)
