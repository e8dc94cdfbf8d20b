"""The metrics that a report has: those of all evaluations, what judges say, and names that nobody knows."""

from vera.evaluation.judges.criteria import TITLES
from vera.evaluation.predictions.metrics import METRICS, Metric

CRITERIA = {name.lower(): f"{name}, {title}" for name, title in TITLES.items()}


def metric_of(name: str) -> Metric:
    """The metric of a name in records; one that nobody knows is shown by that name."""
    if name in CRITERIA:
        return Metric(name=name, title=CRITERIA[name], better="up", digits=2, definition="1 to 5, mean of all judges")
    return next((metric for metric in METRICS if metric.name == name), Metric(name=name, title=name, digits=3))


def in_order(names: set[str]) -> list[str]:
    """Sort names of metrics: as in the table of metrics, then others, then what judges say."""
    known = {metric.name: number for number, metric in enumerate(METRICS)}
    return sorted(names, key=lambda name: (name in CRITERIA, known.get(name, len(known)), name))
