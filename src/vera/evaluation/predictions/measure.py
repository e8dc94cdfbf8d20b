"""Measure one edit for one case."""

from collections.abc import Sequence

from vera.errors import VeraError
from vera.evaluation.cases.case import Case
from vera.evaluation.predictions.measured import Measured
from vera.evaluation.predictions.metrics import Metric
from vera.evaluation.predictions.record import Record
from vera.files import full_disk


def measure(measured: Measured, metrics: Sequence[Metric]) -> tuple[dict[str, float], dict[str, str]]:
    """Measure by those metrics that are of the case's task: values by name, and by name why there is none.

    A hit is 1, a miss 0. A metric that says nothing of a case, such as of its shadow where there is none, has neither.
    """
    values: dict[str, float] = {}
    skipped: dict[str, str] = {}
    for metric in metrics:
        if measured.case.task not in metric.tasks:
            continue
        reason = next((lack for need in metric.needs if (lack := measured.lacks(need))), None)
        if reason is None:
            try:
                value = metric.of(measured)
            except VeraError as error:  # weights or a program that are not there
                if full_disk(error) is not None:
                    raise
                reason = str(error)
            else:
                if value is not None:
                    values[metric.name] = float(value)
        if reason is not None:
            skipped[metric.name] = reason
    return values, skipped


def failed(case: Case, method: str, key: str, metrics: Sequence[Metric], reason: str) -> Record:
    """The record of a case that a method has no edit of: every metric is skipped for this reason."""
    return Record(case.id, case.task, method, {}, {m.name: reason for m in metrics if case.task in m.tasks}, key)
