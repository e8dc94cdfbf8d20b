"""What is sent to the server of a study and what it answers, with ranges."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from vera.study.study import Question, Side

Number = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]  # pages are open for weeks: 1e9 ms are 12 days
Count = Annotated[int, Field(ge=0, le=100_000)]
Length = Annotated[int, Field(ge=1, le=100_000)]
Phase = Literal["consent", "trials", "done", "withdrawn"]


class Strict(BaseModel):
    """No field that is not named."""

    model_config = ConfigDict(extra="forbid")


class Event(Strict):
    """Something that happened in a page, `t` milliseconds after the trial's beginning."""

    t: Number
    kind: Literal["play", "pass", "heat", "hidden", "shown", "choose", "resize", "waiting"]
    value: Annotated[str, Field(max_length=40)] | None = None


class Record(Strict):
    """What is recorded of a trial; times in milliseconds, lengths in CSS pixels."""

    rt: Number
    time_elapsed: Number
    passes: Annotated[int, Field(ge=1, le=100_000)]
    heat_shown: Count
    heat_ms: Number
    hidden: Count
    width: Length
    height: Length
    device: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)]
    events: Annotated[list[Event], Field(max_length=500)]


class Sides(Strict):
    """The three choices of a trial."""

    preservation: Side
    compliance: Side
    quality: Side

    def by_question(self) -> dict[Question, Side]:
        """Return the choices by question."""
        return {"preservation": self.preservation, "compliance": self.compliance, "quality": self.quality}


class Answer(Strict):
    """An answered trial; `attempt` is drawn by the page once for each trial, so that what it sends again is known."""

    attempt: Annotated[str, Field(pattern=r"^[0-9a-f-]{16,36}$")]
    sides: Sides
    record: Record


class Kept(BaseModel):
    """An answer is on the disk; `again` if it was already."""

    again: bool


class Consent(Strict):
    """What a rater says before anything is shown."""

    adult: Literal[True]
    agreed: Literal[True]


class Withdrawal(Strict):
    """The code by which a rater deletes what was recorded."""

    code: Annotated[str, Field(min_length=1, max_length=64)]


class ShownTrial(BaseModel):
    """A trial as the page needs it: sizes and places of the packed pictures, the clip's length, the side of each."""

    instruction: str
    width: int
    height: int
    top: int
    rows: int
    frames: int
    seconds: float
    swapped: bool
    answered: bool


class State(BaseModel):
    """Where a rater is."""

    phase: Phase
    title: str
    consent: str
    contact: str
    minutes: int
    questions: dict[Question, str]
    code: str = ""
    completion: str = ""
    trials: list[ShownTrial] = []


class RaterProgress(BaseModel):
    """How far a rater is."""

    name: str
    answered: int
    of: int
    missed: int
    left_out: list[str]
    last: float


class Progress(BaseModel):
    """How far the study is; no result is told before it ends."""

    title: str
    planned: int
    started: int
    finished: int
    withdrawn: int
    answers: list[int]
    raters: list[RaterProgress]
    links: list[str]
    shared: str
