"""Verdicts on many cases, one judge at a time, each paid for once."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from vera.errors import VeraError
from vera.evaluation.judges.cases import JudgedCase
from vera.evaluation.judges.judge import Judge, Verdict
from vera.evaluation.judges.rows import Row, add_row, judging, make_row, rows_of
from vera.progress import Progress
from vera.vlm import in_threads


@dataclass(frozen=True)
class Judged:
    """`rows` of the cases that have a verdict, in their order, and why the others have none yet, by case and method."""

    rows: list[Row]
    unanswered: dict[tuple[str, str], str]


def judge_cases(
    out: Path, cases: Sequence[JudgedCase], judge: Judge, at_once: int = 4, progress: Progress | None = None
) -> Judged:
    """Have a judge score cases, `at_once` at a time, and keep each verdict in `out` as it comes.

    The same call goes on with work that was stopped: verdicts that are there are not asked for again, unless their
    clips, instruction, questions or settings changed. A model's replies are kept before the verdict that is made of
    them, so none is asked for twice even if the work is killed in between. Raises VeraError as `Judge.score`, and
    if another process has the same judge score cases there.
    """
    if at_once < 1:
        raise VeraError(f"at least 1 request is made at once, not {at_once}")
    with judging(out, judge.name):
        return _judge(out, cases, judge, at_once, progress)


def _judge(out: Path, cases: Sequence[JudgedCase], judge: Judge, at_once: int, progress: Progress | None) -> Judged:
    kept = rows_of(out, judge.name)
    prints = {(case.case, case.method): judge.fingerprint(case) for case in cases}
    missing = [case for case in cases if not _is_there(kept, case, prints)]
    unanswered: dict[tuple[str, str], str] = {}
    done = len(cases) - len(missing)
    if progress:
        progress("judge", done, len(cases))
    for case, verdict in in_threads(partial(_score, judge), missing, at_once, judge.stop):
        key = case.case, case.method
        if verdict.unanswered:
            unanswered[key] = next(iter(verdict.unanswered.values()))
        else:
            kept[key] = make_row(judge.name, case, prints[key], verdict)
            add_row(out, kept[key])
        done += 1
        if progress:
            progress("judge", done, len(cases))
    rows = [kept[key] for key in prints if key not in unanswered]
    return Judged(rows, unanswered)


def _score(judge: Judge, case: JudgedCase) -> tuple[JudgedCase, Verdict]:
    return case, judge.score(case)


def _is_there(kept: dict[tuple[str, str], Row], case: JudgedCase, prints: dict[tuple[str, str], str]) -> bool:
    key = case.case, case.method
    return key in kept and kept[key].fingerprint == prints[key]
