"""What a judge is, and what it says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from vera.evaluation.judges.cases import JudgedCase


@dataclass(frozen=True)
class Verdict:
    """Scores by criterion (CS, CT, IS), 1 to 5, with the judge's reasons.

    `problems`: why a criterion has no score, and will have none (refused, or never an answer of the right form).
    `unanswered`: why there is none yet; the same call may bring it. Tokens are those of all replies.
    """

    scores: Mapping[str, float]
    reasons: Mapping[str, str] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    unanswered: Mapping[str, str] = field(default_factory=dict)
    prompt_tokens: int = 0
    answer_tokens: int = 0


class Judge(Protocol):
    """Anyone who scores edits. `score` may be called by several threads at once."""

    @property
    def name(self) -> str:
        """What the judge is called in tables and files."""
        ...

    def fingerprint(self, case: JudgedCase) -> str:
        """Name all that a verdict depends on: judge, settings, questions, instruction and the clips' bytes."""
        ...

    def score(self, case: JudgedCase) -> Verdict:
        """Score one edit by every criterion."""
        ...

    def stop(self) -> None:
        """End waiting, as the work was stopped."""
        ...
