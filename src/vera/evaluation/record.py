"""What is kept of one answer."""

from dataclasses import dataclass

from vera.data.sample import Task

Measures = dict[str, float]  # by the names of `vera.evaluation.table`, those that the case has


@dataclass(frozen=True)
class Record:
    """The measures of one candidate's answer to one case."""

    case: int
    task: Task
    candidate: str
    measures: Measures
