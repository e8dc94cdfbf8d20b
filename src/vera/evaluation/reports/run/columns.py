"""What a measure is called in a report, which way is good, and how many digits say something."""

from dataclasses import dataclass
from typing import Literal

from vera.evaluation.judges.criteria import TITLES
from vera.evaluation.predictions.metrics import METRICS
from vera.evaluation.reports.table import ARROWS

CRITERIA = {name.lower(): f"{name}, {title}" for name, title in TITLES.items()}


@dataclass(frozen=True)
class Column:
    """A measure as it is shown: numbers times `scale`, with `digits` after the point; None: no good direction."""

    name: str
    title: str
    better: Literal["up", "down"] | None = None
    digits: int = 3
    scale: float = 1.0
    definition: str = ""

    @property
    def arrow(self) -> str:
        """The good direction as an arrow."""
        return ARROWS[self.better]

    def shown(self, value: float) -> str:
        """A value as it is printed."""
        return f"{value * self.scale:z.{self.digits}f}"


def column_of(name: str) -> Column:
    """Describe a measure by its name in records; one that nobody knows is shown by that name."""
    if name in CRITERIA:
        return Column(name, CRITERIA[name], "up", 2, definition="1 to 5, mean of all judges")
    for metric in METRICS:
        if metric.name == name:
            return Column(name, metric.heading, metric.better, metric.digits, metric.scale, metric.definition)
    return Column(name, name)


def in_order(names: set[str]) -> list[str]:
    """Sort names of measures: as in the table of metrics, then others, then what judges say."""
    known = {metric.name: number for number, metric in enumerate(METRICS)}
    return sorted(names, key=lambda name: (name in CRITERIA, known.get(name, len(known)), name))
