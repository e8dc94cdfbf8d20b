"""Tables of measures: unit, good direction and target value of each."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from vera.data.sample import Task
from vera.evaluation.predictions.record import Record
from vera.evaluation.reports.summary import Estimate, estimate


@dataclass(frozen=True)
class Metric:
    """A row. `scale` and `digits` make the number that is printed; `bar` is what the project wants, in that unit."""

    name: str
    title: str
    better: Literal["up", "down"] | None
    scale: float = 1.0
    digits: int = 1
    bar: float | None = None


HITS: dict[Task, tuple[Metric, ...]] = {
    "obj_add": (
        Metric("object_top1", "object hit, top 1 (%)", "up", 100, bar=60),
        Metric("object_top5", "object hit, top 5 (%)", "up", 100, bar=85),
        Metric("place_hit", "place hit (%)", "up", 100, bar=90),
        Metric("sane_frames", "frames with 0.3 to 60 % coverage (%)", "up", 100, bar=95),
        Metric("leakage", "matte far from the object (%)", "down", 100),
        Metric("shadow_hit", "shadow, where truth has one (%)", "up", 100),
        Metric("darkening", "ground darkened there by (%)", "up", 100),
    ),
    "background_replace": (
        Metric("iou", "matte IoU", "up", digits=3, bar=0.90),
        Metric("subject_iou", "kept subject IoU", "up", digits=3),
        Metric("mae", "matte MAE", "down", digits=3, bar=0.05),
        Metric("gradient", "matte gradient error", "down", digits=4),
        Metric("scene_top1", "background hit, top 1 (%)", "up", 100),
        Metric("scene_top5", "background hit, top 5 (%)", "up", 100),
    ),
}
COMMON = (
    Metric("coverage", "solid coverage (%)", None, 100),
    Metric("dtssd", "matte dtSSD", "down", digits=2),
    Metric("disagreement", "layer disagreement", "down", digits=3, bar=0.03),
    Metric("warp_excess", "flow-warp error over the source's (levels)", "down", digits=2),
    Metric("psnr", "PSNR where truth preserves (dB)", "up"),
    Metric("ssim", "SSIM where truth preserves", "up", digits=4),
)
ARROWS = {"up": "↑", "down": "↓", None: ""}
TITLES: dict[Task, str] = {"obj_add": "Object addition", "background_replace": "Background replacement"}


def metrics_of(task: Task) -> tuple[Metric, ...]:
    """Measures of a task in the order of the table's columns."""
    return HITS[task] + COMMON


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
        lines = [f"{title}, {count} cases", "", _row(["measure", "bar", *shown]), _row(["---"] * (2 + len(shown)))]
        for metric in metrics_of(task):
            cells = [_cell(estimates[name].get(metric.name), metric) for name in shown]
            if any(cells):
                lines.append(_row([f"{metric.title} {ARROWS[metric.better]}", _bar(metric), *cells]))
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


def _bar(metric: Metric) -> str:
    return "" if metric.bar is None else f"{metric.bar:g}"


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
