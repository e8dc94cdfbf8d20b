"""Tables of measures: unit, region, good direction and target value of each, and why one is not available."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from vera.data.sample import Task
from vera.evaluation.predictions.metrics import METRICS, Metric, metrics_of
from vera.evaluation.predictions.record import Record
from vera.evaluation.reports.summary import Estimate, estimate

TITLES: dict[Task, str] = {"obj_add": "Object addition", "background_replace": "Background replacement"}


def summarize(records: Iterable[Record]) -> dict[Task, dict[str, dict[str, Estimate]]]:
    """Estimates by task, method (in order of appearance) and measure."""
    values: dict[Task, dict[str, dict[str, list[float]]]] = {}
    for record in sorted(records, key=lambda record: record.case):
        of_method = values.setdefault(record.task, {}).setdefault(record.method, {})
        for name, value in record.measures.items():
            of_method.setdefault(name, []).append(value)
    return {
        task: {
            method: {name: estimate(numbers) for name, numbers in measures.items()}
            for method, measures in methods.items()
        }
        for task, methods in values.items()
    }


def markdown(records: Sequence[Record], methods: Sequence[str]) -> str:
    """A table for each task: a row a measure, a column a method; means with 95 % intervals.

    A mean over fewer cases says so. What could not be measured is `not available`, and why stands below.
    """
    summary = summarize(records)
    parts = []
    for task, title in TITLES.items():
        own = [record for record in records if record.task == task]
        if not own:
            continue
        shown = [name for name in methods if name in summary[task]]
        count = len({record.case for record in own})
        lines = [f"{title}, {count} cases", "", _row(["measure", "target", *shown]), _row(["---"] * (2 + len(shown)))]
        for metric in metrics_of(task):
            cells = [_cell(summary[task][name].get(metric.name), metric, _skips(own, name, metric)) for name in shown]
            if any(cells):
                lines.append(_row([f"{metric.heading} {metric.arrow}", _target(metric), *cells]))
        parts.append("\n".join(lines))
    preserved = [line for name in methods if (line := _preserved(records, name))]
    return "\n\n".join([*parts, *preserved, *reasons(records)]) + "\n"


def reasons(records: Sequence[Record], most: int = 12) -> list[str]:
    """A line for each reason why something is not available: what, of which methods, how often; at most `most`."""
    titles = {metric.name: metric.heading for metric in METRICS}
    found: dict[str, tuple[dict[str, None], dict[str, None], dict[str, str]]] = defaultdict(lambda: ({}, {}, {}))
    for record in records:
        for name, reason in record.skipped.items():
            # The same may be wrong with many files.
            metrics, methods, cases = found[re.sub(r"\S*[/\\.]\S+", "", reason)]
            metrics[titles.get(name, name) if record.measures else "everything"] = None
            methods[record.method] = None
            cases.setdefault(record.case, reason)
    lines = [
        f"not available: {'; '.join(metrics)} ({', '.join(methods)}; {_cases(cases)}): {next(iter(cases.values()))}"
        for metrics, methods, cases in found.values()
    ]
    left = len(lines) - most
    return lines if left <= 0 else [*lines[:most], f"not available: {left} more reasons are in records.jsonl"]


def curves(records: Sequence[Record], methods: Sequence[str]) -> str:
    """A table for each task: a row a method, a column a measure; means and half the width of their intervals."""
    summary = summarize(records)
    parts = []
    for task, title in TITLES.items():
        if task not in summary:
            continue
        count = len({record.case for record in records if record.task == task})
        metrics = [metric for metric in metrics_of(task) if any(metric.name in row for row in summary[task].values())]
        titles = [f"{metric.heading} {metric.arrow}" for metric in metrics]
        lines = [f"{title}, {count} cases", "", _row(["setting", *titles]), _row(["---"] * (1 + len(metrics)))]
        for name in methods:
            cells = [_short_cell(summary[task][name].get(metric.name), metric) for metric in metrics]
            lines.append(_row([name, *cells]))
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def plain(summary: Mapping[Task, Mapping[str, Mapping[str, Estimate]]]) -> dict[str, Any]:
    """A summary as JSON values, in the measures' own units."""
    return {
        task: {
            method: {name: asdict(value) for name, value in measures.items()} for method, measures in methods.items()
        }
        for task, methods in summary.items()
    }


def _preserved(records: Sequence[Record], method: str) -> str:
    """What changed where a method's own alpha is 0; empty for one without layers."""
    counted = [record.measures for record in records if record.method == method and "preserved" in record.measures]
    if not counted:
        return ""
    samples, changed = (int(sum(measures[name] for measures in counted)) for name in ("preserved", "changed"))
    return f"{method}: of {samples:,} samples in its own preserved region (alpha 0) {changed:,} changed."


def _skips(records: Sequence[Record], method: str, metric: Metric) -> bool:
    return any(record.method == method and metric.name in record.skipped for record in records)


def _cases(cases: Collection[str]) -> str:
    return f"case {next(iter(cases))}" if len(cases) == 1 else f"{len(cases)} cases"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _target(metric: Metric) -> str:
    return "" if metric.target is None else f"{metric.target:g}"


def _cell(value: Estimate | None, metric: Metric, skips: bool) -> str:
    if value is None:
        return "not available" if skips else ""
    mean, low, high = (f"{number * metric.scale:.{metric.digits}f}" for number in (value.mean, value.low, value.high))
    return f"{mean} [{low}, {high}]" + (f" ({value.count} cases)" if skips else "")


def _short_cell(value: Estimate | None, metric: Metric) -> str:
    if value is None:
        return ""
    half = (value.high - value.low) / 2 * metric.scale
    return f"{value.mean * metric.scale:.{metric.digits}f} ±{half:.{metric.digits}f}"
