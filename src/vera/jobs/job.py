"""A job of the queue, as it is kept and as it is told."""

from dataclasses import dataclass
from typing import Any, Literal

State = Literal["queued", "running", "done", "failed", "cancelled"]
Outcome = Literal["done", "failed", "cancelled", "died", "released"]
ENDED = ("done", "failed", "cancelled")
MOST_ATTEMPTS = 3


@dataclass(frozen=True)
class Progress:
    """How far a job is in one stage of its work. `eta`: seconds to the stage's end; None before there is a rate."""

    stage: str
    done: int
    total: int
    eta: float | None = None


@dataclass(frozen=True)
class Job:
    """A job.

    Attributes:
        spec: what is to be done, as its kind takes it; `out` names the folder of its results in the workspace.
        position: its place among queued jobs of one priority: the lowest goes first.
        attempts: how often it was begun; an attempt that its worker gave back does not count.
        cancelling: it runs, and is to stop.
        error: why it failed, on one line.
        previews: the last step of which there are previews; 0 for none.
        created, started, ended: seconds of the epoch, for people; nothing is decided by them.
    """

    id: str
    kind: str
    spec: dict[str, Any]
    state: State
    priority: int
    position: int
    attempts: int
    worker: str | None
    cancelling: bool
    progress: Progress | None
    error: str | None
    result: dict[str, Any] | None
    previews: int
    created: float
    started: float | None
    ended: float | None


@dataclass(frozen=True)
class Claim:
    """A job that a worker was given. `lease` is the number it shows with whatever it says of it."""

    job: Job
    lease: int


@dataclass(frozen=True)
class Change:
    """A job that changed, in its present state. `number` rises with every change of any job."""

    number: int
    job: Job


@dataclass(frozen=True)
class Step:
    """What happened to a job, and when, in seconds of the epoch."""

    number: int
    at: float
    state: State
    note: str
