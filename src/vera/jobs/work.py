"""What a kind of job is given to work with."""

from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vera.pipelines.footage.preview import Preview


class CancelledError(Exception):
    """The job is to stop: raised where it tells how far it is, to unwind it."""


@dataclass(frozen=True)
class Work:
    """The surroundings of a job that runs.

    Attributes:
        workspace: folder that the server and all workers share.
        out: empty folder for results. Once the kind returns it takes the name `spec["out"]`, inside of the workspace,
            whole; without `out` in the job's spec it is removed.
        warm: kept from job to job by the process that runs them, for what is slow to load, such as a pipeline.
        progress: tells stage, done and total; raises CancelledError if the job is to stop. Of `vera.progress.Progress`.
        preview: shows a step's pictures to whoever waits.
    """

    workspace: Path
    out: Path
    progress: Callable[[str, int, int], None]
    preview: Callable[["Preview"], None]
    warm: MutableMapping[str, Any] = field(default_factory=dict)
