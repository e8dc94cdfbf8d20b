"""Answers, unblinded: who chose whose result."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Engine

from vera.errors import VeraError
from vera.study.store.answers import answered_trials
from vera.study.store.sessions import all_sessions
from vera.study.study import QUESTIONS, Item, Question, Side, Study, Trial


@dataclass(frozen=True)
class Answered:
    """An answered trial: its number, what was shown, the side chosen for each question, what was recorded, and when."""

    number: int
    trial: Trial
    item: Item
    sides: Mapping[Question, Side]
    record: Mapping[str, Any]
    received: float = 0.0

    def won(self, question: Question) -> bool:
        """Whether the reference's result was chosen, or a catch's undamaged one."""
        return self.trial.chose_reference(self.sides[question], self.item)


@dataclass(frozen=True)
class Rater:
    """A rater by a number, not by name: place in the design, trials in their order, those that are answered."""

    slot: int
    trials: tuple[Trial, ...]
    answered: tuple[Answered, ...]
    prolific: bool = False

    @property
    def name(self) -> str:
        """What the rater is called in tables."""
        return f"rater-{self.slot + 1:03}"

    def of_kind(self, kind: str) -> list[Answered]:
        """Answered trials of a kind."""
        return [one for one in self.answered if one.trial.kind == kind]


@dataclass(frozen=True)
class Choice:
    """One answer about a pair: did the rater choose the reference?"""

    rater: str
    case: str
    task: str
    item: str
    baseline: int
    question: Question
    won: bool


def read_raters(study: Study, engine: Engine) -> list[Rater]:
    """Read everybody who consented and answered anything. VeraError for answers that are not of this study."""
    items = {item.id: item for item in study.items}
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in answered_trials(engine):
        rows.setdefault(row["session"], []).append(row)
    raters = []
    for session in all_sessions(engine):
        trials = msgspec.convert(session["trials"], tuple[Trial, ...])
        answered = tuple(_answered(row, trials, items) for row in rows.get(session["id"], ()))
        if answered:
            raters.append(Rater(session["slot"], trials, answered, session["prolific"] is not None))
    return raters


def _answered(row: Mapping[str, Any], trials: Sequence[Trial], items: Mapping[str, Item]) -> Answered:
    number = row["trial"]
    whole = number < len(trials) and trials[number].item in items and set(row["sides"]) == set(QUESTIONS)
    if not whole:
        raise VeraError(f"the database holds an answer to trial {number} that is none of this study; restore it")
    return Answered(number, trials[number], items[trials[number].item], row["sides"], row["record"], row["received"])


def choices_of(raters: Sequence[Rater]) -> list[Choice]:
    """List the answers to pairs, which all tests are of: no catches, no repeats."""
    return [
        Choice(rater.name, one.item.case, one.item.task, one.item.id, one.item.baseline, question, one.won(question))
        for rater in raters
        for one in rater.of_kind("pair")
        for question in QUESTIONS
    ]
