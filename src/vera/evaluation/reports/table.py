"""Tables of measures: unit, good direction and target value of each."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from vera.data.sample import Task
from vera.evaluation.predictions.metrics import Metric, metrics_of
from vera.evaluation.predictions.record import Record
from vera.evaluation.reports.summary import Estimate, estimate

ARROWS = {"up": "↑", "down": "↓", None: ""}
TITLES: dict[Task, str] = {"obj_add": "Object addition", "background_replace": "Background replacement"}


def summarize(records: Iterable[Record]) -> dict[Task, dict[str, dict[str, Estimate]]]:
    """Estimates by task, candidate (in order of appearance) and measure."""
    values: dict[Task, dict[str, dict[str, list[float]]]] = {}
    for record in sorted(records, key=lambda record: record.case):
        of_candidate = values.setdefault(record.task, {}).setdefault(record.candidate, {})
        for name, value in record.measures.items():
            of_candidate.setdefault(name, []).append(value)
    return {
        task: {
            candidate: {name: estimate(numbers) for name, numbers in measures.items()}
            for candidate, measures in candidates.items()
        }
        for task, candidates in values.items()
    }


def markdown(records: Sequence[Record], candidates: Sequence[str]) -> str:
    """A table for each task: a row a measure, a column a candidate; means with 95 % intervals."""
    summary = summarize(records)
    parts = []
    for task, title in TITLES.items():
        if task not in summary:
            continue
        estimates = summary[task]
        shown = [name for name in candidates if name in estimates]
        count = len({record.case for record in records if record.task == task})
        lines = [f"{title}, {count} cases", "", _row(["measure", "target", *shown]), _row(["---"] * (2 + len(shown)))]
        for metric in metrics_of(task):
            cells = [_cell(estimates[name].get(metric.name), metric) for name in shown]
            if any(cells):
                lines.append(_row([f"{metric.title} {ARROWS[metric.better]}", _target(metric), *cells]))
        parts.append("\n".join(lines))
    return "\n\n".join([*parts, *(_preserved(records, name) for name in candidates if name.startswith("model"))]) + "\n"


def curves(records: Sequence[Record], candidates: Sequence[str]) -> str:
    """A table for each task: a row a candidate, a column a measure; means and half the width of their intervals."""
    summary = summarize(records)
    parts = []
    for task, title in TITLES.items():
        if task not in summary:
            continue
        count = len({record.case for record in records if record.task == task})
        metrics = [metric for metric in metrics_of(task) if any(metric.name in row for row in summary[task].values())]
        titles = [f"{metric.title} {ARROWS[metric.better]}" for metric in metrics]
        lines = [f"{title}, {count} cases", "", _row(["setting", *titles]), _row(["---"] * (1 + len(metrics)))]
        for name in candidates:
            cells = [_short_cell(summary[task][name].get(metric.name), metric) for metric in metrics]
            lines.append(_row([name, *cells]))
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def plain(summary: Mapping[Task, Mapping[str, Mapping[str, Estimate]]]) -> dict[str, Any]:
    """A summary as JSON values, in the measures' own units."""
    return {
        task: {
            candidate: {name: asdict(value) for name, value in measures.items()}
            for candidate, measures in candidates.items()
        }
        for task, candidates in summary.items()
    }


def _preserved(records: Sequence[Record], candidate: str) -> str:
    of_candidate = [record.measures for record in records if record.candidate == candidate]
    samples = int(sum(measures["preserved"] for measures in of_candidate))
    changed = int(sum(measures["changed"] for measures in of_candidate))
    return f"{candidate}: of {samples:,} samples in its own preserved region (alpha 0) {changed:,} changed."


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _target(metric: Metric) -> str:
    return "" if metric.target is None else f"{metric.target:g}"


def _cell(value: Estimate | None, metric: Metric) -> str:
    if value is None:
        return ""
    mean, low, high = (f"{number * metric.scale:.{metric.digits}f}" for number in (value.mean, value.low, value.high))
    return f"{mean} [{low}, {high}]"


def _short_cell(value: Estimate | None, metric: Metric) -> str:
    if value is None:
        return ""
    half = (value.high - value.low) / 2 * metric.scale
    return f"{value.mean * metric.scale:.{metric.digits}f} ±{half:.{metric.digits}f}"
