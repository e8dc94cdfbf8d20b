"""Compare two models case by case on the same cases."""

from pathlib import Path

from vera.errors import VeraError
from vera.evaluation.predictions.collect import read_records
from vera.evaluation.predictions.metrics import metrics_of
from vera.evaluation.predictions.record import Record
from vera.evaluation.predictions.run import RUN
from vera.evaluation.reports.summary import estimate
from vera.evaluation.reports.table import TITLES
from vera.files import read_json


def compare(one: Path, other: Path) -> str:
    """Tables of how much better the model of `other` is than that of `one`, over the cases that both answered.

    Means of the paired differences with 95 % intervals; positive is better, whichever way a measure points. VeraError
    for folders that hold no evaluation, or evaluations of other cases.
    """
    worlds = [_world(folder) for folder in (one, other)]
    if worlds[0] != worlds[1]:
        raise VeraError(f"{one} and {other} hold predictions for different cases")
    first, second = (_model_records(folder) for folder in (one, other))
    parts = []
    for task, title in TITLES.items():
        common = [case for case in first if case in second and first[case].task == task]
        if not common:
            continue
        lines = [f"{title}, {len(common)} cases", "", "| measure | better by |", "| --- | --- |"]
        for metric in metrics_of(task):
            sign = metric.scale if metric.better == "up" else -metric.scale
            pairs = [(first[case].measures.get(metric.name), second[case].measures.get(metric.name)) for case in common]
            differences = [sign * (b - a) for a, b in pairs if a is not None and b is not None]
            if differences:
                found = estimate(differences)
                numbers = (f"{number:+.{metric.digits}f}" for number in (found.mean, found.low, found.high))
                lines.append("| {} {} | {} [{}, {}] |".format(metric.heading, metric.arrow, *numbers))
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _world(folder: Path) -> dict[str, object]:
    try:
        run = read_json(folder / RUN)
        return {name: run[name] for name in ("sprites", "split")}
    except (VeraError, KeyError, TypeError):
        raise VeraError(f"{folder}: holds no evaluation; run `vera evaluate held-out --out {folder}` first") from None


def _model_records(folder: Path) -> dict[str, Record]:
    records = [record for record in read_records(folder, mend=False) if record.method.startswith("model")]
    settings = {record.method for record in records}
    if len(settings) != 1:
        raise VeraError(f"{folder}: holds predictions of {len(settings)} settings of a model; one is compared with one")
    return {record.case: record for record in records}
