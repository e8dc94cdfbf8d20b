"""What a kind of job is given to work with."""

import time
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vera.jobs.job import Progress

if TYPE_CHECKING:
    from vera.pipelines.footage.preview import Preview

OFTEN = 0.1  # seconds between two tellings of one stage


class CancelledError(Exception):
    """The job is to stop: raised where it tells how far it is, to unwind it."""


@dataclass(frozen=True)
class Work:
    """The surroundings of a job that runs.

    Attributes:
        workspace: folder that the server and all workers share.
        out: empty folder for results. Once the kind returns it takes the name `spec["out"]`, inside of the workspace,
            whole; without `out` in the job's spec it is removed.
        progress: takes stage, done and total; raises CancelledError if the job is to stop.
        preview: takes a step's pictures, for whoever waits.
        warm: kept from job to job by the process that runs them, for what is slow to load, such as a pipeline.
    """

    workspace: Path
    out: Path
    progress: Callable[[str, int, int], None]
    preview: Callable[["Preview"], None]
    warm: MutableMapping[str, Any] = field(default_factory=dict)


class Pace:
    """Progress with the time that is left of a stage, told as often as people can see.

    Args:
        tell: takes what is to be told.
        clock: seconds that only rise.
    """

    def __init__(self, tell: Callable[[Progress], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._tell, self._clock = tell, clock
        self._stage, self._begun, self._first, self._told = "", 0.0, 0, 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Take how far a stage is."""
        now, new = self._clock(), stage != self._stage
        if new or done < self._first:
            self._stage, self._begun, self._first = stage, now, done
        if new or done >= total or now - self._told >= OFTEN:
            self._told = now
            self._tell(Progress(stage, done, total, self._left(now, done, total)))

    def _left(self, now: float, done: int, total: int) -> float | None:
        if done <= self._first:
            return None
        return max(0.0, (now - self._begun) / (done - self._first) * (total - done))
