"""What pages send and are answered; `web/annotation/api.ts` has the same in TypeScript."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from vera.annotation.pictures import View
from vera.annotation.store.store import Gate, Role

Person = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[^\x00-\x1f\x7f]*\S[^\x00-\x1f\x7f]*$")]


class _Sent(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Claim(_Sent):
    """Who wants a task of which gate, or of any; a proxy that names people is believed before `person`."""

    person: Person
    gate: Gate | None = None
    role: Role = "work"


class NewEvent(_Sent):
    """An event and its number, from 0 on; what it may hold, `vera.annotation.draft.Event` says."""

    seq: Annotated[int, Field(ge=0, le=1_000_000)]
    event: dict[str, Any]


class Adopt(_Sent):
    """Which of two answers an adjudicator takes."""

    which: Literal[0, 1]


class Proposed(BaseModel):
    """An object that the engine proposes: the frame of its mask, and its counts."""

    frame: int
    counts: str


class Work(BaseModel):
    """A task in somebody's hands: all that its page shows, and nothing that tells whether its answer is known.

    The page sends `of` back with the answer: fingerprints of what it shows.
    """

    lease: str
    gate: Gate
    role: Role
    frames: int
    width: int
    height: int
    rate: int
    seconds: float
    seq: int
    draft: dict[str, Any]
    proposals: list[Proposed]
    views: list[View]
    reasons: list[str]
    noun: str
    words: dict[str, str]
    of: dict[str, str]


class Given(BaseModel):
    """A task, or none where nothing waits."""

    work: Work | None


class Drafted(BaseModel):
    """What the events come to, and the number of the next one."""

    seq: int
    draft: dict[str, Any]


class Drawn(BaseModel):
    """A mask's counts; none where nothing was pointed at."""

    counts: str | None


class Kept(BaseModel):
    """How many seconds a lease still runs."""

    seconds: float


class Differing(BaseModel):
    """Two answers to one task, and how far they are the same; nobody is told whose they are."""

    answers: list[dict[str, Any]]
    agreement: float


class GateProgress(BaseModel):
    """How far a gate is."""

    gate: Gate
    waiting: int
    held: int
    disputed: int
    decided: int
    accepted: int
    reasons: dict[str, int]
    pairs: int
    agreement: float | None
    alpha: float | None


class PersonProgress(BaseModel):
    """What somebody did: answers, hours of work, and how often they were right where the answer is known."""

    person: str
    answers: int
    minutes: float
    gold: int
    right: float | None


class Progress(BaseModel):
    """Where all work stands."""

    gates: list[GateProgress]
    people: list[PersonProgress]
    you: str
    rules: dict[str, float]
