"""What a server acknowledged to simulated people; for `benchmarks/annotation_load.py`."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Log:
    """Events by lease and number, answers by lease; seconds of requests, by what they were; how many came again."""

    events: dict[tuple[str, int], Any] = field(default_factory=dict)
    answers: set[str] = field(default_factory=set)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    again: int = 0
