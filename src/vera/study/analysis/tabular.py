"""The answers and the results for programs: CSV, JSON lines and a codebook."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from importlib.resources import files
from typing import Any

from vera.evaluation.reports.run.tabular import csv_text
from vera.study.analysis.choices import Answered, Rater
from vera.study.analysis.comparisons import Comparison, Estimate
from vera.study.analysis.results import Result
from vera.study.study import QUESTIONS, Key

TRIAL_COLUMNS = (
    "rater", "excluded", "trial_index", "kind", "case", "task", "baseline", "reference_side", "rt", "time_elapsed",
    "passes", "heat_shown", "heat_ms", "hidden", "width", "height", "device", "repeats",
)  # fmt: skip
ANSWER_COLUMNS = (
    "rater", "excluded", "trial_index", "kind", "case", "task", "reference", "baseline", "question", "side", "won"
)  # fmt: skip
COMPARISON_COLUMNS = (
    "raters_kept", "task", "baseline", "question", "wins", "trials", "raters", "share", "wilson_low", "wilson_high",
    "bootstrap_low", "bootstrap_high", "p", "p_holm", "binomial_p", "binomial_p_holm",
)  # fmt: skip


def trials_csv(raters: Sequence[Rater], excluded: Mapping[str, list[str]], key: Key) -> str:
    """Return a line for each answered trial, in jsPsych's names where it has them."""
    return csv_text(
        TRIAL_COLUMNS, (_trial_row(one, rater, excluded, key) for rater in raters for one in rater.answered)
    )


def _trial_row(one: Answered, rater: Rater, excluded: Mapping[str, list[str]], key: Key) -> list[Any]:
    record = one.record
    names = ("rt", "time_elapsed", "passes", "heat_shown", "heat_ms", "hidden", "width", "height", "device")
    left = one.trial.swapped == (one.item.reference == "second")
    return [
        rater.name, "; ".join(excluded[rater.name]), one.number, one.trial.kind, one.item.case, one.item.task,
        _baseline(one, key), "left" if left else "right", *(record.get(name, "") for name in names),
        "" if one.trial.repeats is None else one.trial.repeats,
    ]  # fmt: skip


def answers_csv(raters: Sequence[Rater], excluded: Mapping[str, list[str]], key: Key) -> str:
    """Return a line for each answer, with the methods' names."""
    rows = (
        [rater.name, "; ".join(excluded[rater.name]), one.number, one.trial.kind, one.item.case, one.item.task,
         key.reference, _baseline(one, key), question, one.sides[question], int(one.won(question))]
        for rater in raters for one in rater.answered for question in QUESTIONS
    )  # fmt: skip
    return csv_text(ANSWER_COLUMNS, rows)


def comparisons_csv(results: Mapping[str, Result], key: Key) -> str:
    """Return a line for each comparison, with and without exclusions, of all tasks and of each."""
    return csv_text(COMPARISON_COLUMNS, _comparison_rows(results, key))


def _comparison_rows(results: Mapping[str, Result], key: Key) -> Iterator[list[Any]]:
    for kept, result in results.items():
        for task, comparisons in {"": result.comparisons, **result.tasks}.items():
            for one in comparisons:
                ends = [
                    "" if found is None else getattr(found, end)
                    for found in (one.wilson, one.bootstrap)
                    for end in ("low", "high")
                ]
                tests = [one.p, one.holm, one.binomial, one.binomial_holm]
                counts = [one.wins, one.trials, one.raters, one.share]
                yield [kept, task, key.baselines[one.baseline], one.question, *counts, *ends, *tests]


def events_jsonl(raters: Sequence[Rater]) -> str:
    """Return a line for each thing that happened in a page: `t` is in milliseconds from the trial's beginning."""
    rows = (
        {"rater": rater.name, "trial_index": one.number, **event}
        for rater in raters
        for one in rater.answered
        for event in one.record.get("events", ())
    )
    return "".join(f"{json.dumps(row)}\n" for row in rows)


def results_json(results: Mapping[str, Result], excluded: Mapping[str, list[str]], key: Key) -> dict[str, Any]:
    """Return all results as JSON values."""
    return {
        "reference": key.reference,
        "baselines": list(key.baselines),
        "excluded": {name: reasons for name, reasons in excluded.items() if reasons},
        "results": {kept: _result_json(result, key) for kept, result in results.items()},
    }


def _result_json(result: Result, key: Key) -> dict[str, Any]:
    def named(comparisons: Sequence[Comparison]) -> list[dict[str, Any]]:
        return [asdict(one) | {"baseline": key.baselines[one.baseline], "share": one.share} for one in comparisons]

    def estimates(found: Sequence[Estimate]) -> list[dict[str, Any]]:
        return [asdict(one) for one in found]

    return {
        "raters": result.raters,
        "trials": result.trials,
        "primary": named(result.comparisons),
        "tasks": {task: named(own) for task, own in result.tasks.items()},
        "abilities": {question: estimates(own) for question, own in result.abilities.items()},
        "agreement": estimates(result.agreement),
        "consistency": estimates(result.consistency),
    }


def codebook() -> str:
    """Return what every column means, as Markdown."""
    return (files(__package__) / "codebook.md").read_text("utf-8")


def _baseline(one: Answered, key: Key) -> str:
    return "" if one.item.baseline < 0 else key.baselines[one.item.baseline]
