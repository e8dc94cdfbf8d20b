"""What an executor is: it takes tasks while it has room for them, and gives back what came of each."""

from typing import Protocol

from vera.construction.engine.record import Record
from vera.construction.engine.run import Ran
from vera.construction.engine.stage import Resources
from vera.construction.engine.state import Task

Job = tuple[Task, Record]


class Executor(Protocol):
    """Runs tasks. Pixels never pass through it: a run reads and writes the build's folder itself."""

    def takes(self, resources: Resources) -> bool:
        """Whether there is room for one more task that needs this."""

    def submit(self, task: Task, about: Record, resources: Resources) -> None:
        """Begin a task for which there is room; `about` stands for its unit's record if there is none."""

    def ended(self, timeout: float) -> list[tuple[Task, Ran]]:
        """What ended; waits for something to, at most `timeout` seconds."""

    def close(self) -> None:
        """End all runs, whatever they are at."""
