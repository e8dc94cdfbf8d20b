"""An estimate with its confidence interval."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Interval:
    """What was estimated, and the bounds that hold the truth in `level` of all studies."""

    value: float
    low: float
    high: float
    level: float = 0.95
