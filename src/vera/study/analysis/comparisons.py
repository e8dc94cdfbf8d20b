"""The registered tests: the reference against each baseline, question by question."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from vera.errors import VeraError
from vera.metrics.statistics import (
    Interval,
    binomial_test,
    bradley_terry_by_rater,
    cluster_interval,
    holm,
    krippendorff_interval,
    repeat_consistency,
    sign_flip_by_rater,
    wilson_interval_by_rater,
)
from vera.study.analysis.choices import Choice, Rater
from vera.study.study import QUESTIONS, Question

RESAMPLES = 10_000


@dataclass(frozen=True)
class Comparison:
    """How often the reference was chosen over a baseline, and how sure that is.

    Args:
        wins, trials, raters: counts.
        wilson, bootstrap: 95 % intervals of the share of wins over raters; None where there are fewer than two.
        p, holm: of the sign-flip test by rater, plain and corrected over all comparisons.
        binomial, binomial_holm: the same of the exact binomial test, as if all answers were independent.
    """

    baseline: int
    question: Question
    wins: int
    trials: int
    raters: int
    wilson: Interval | None
    bootstrap: Interval | None
    p: float
    binomial: float
    holm: float = 1.0
    binomial_holm: float = 1.0

    @property
    def share(self) -> float:
        """Share of wins."""
        return self.wins / self.trials


@dataclass(frozen=True)
class Estimate:
    """An interval, or in a line why there is none."""

    name: str
    interval: Interval | None
    reason: str = ""


def compare(choices: Sequence[Choice], baselines: int) -> list[Comparison]:
    """Compare the reference with each baseline on each question, corrected by Holm over all of them.

    Comparisons without any answer are left out, but count in the correction.
    """
    found = [
        _compare(baseline, question, own)
        for baseline in range(baselines)
        for question in QUESTIONS
        if (own := [one for one in choices if (one.baseline, one.question) == (baseline, question)])
    ]
    rest = [1.0] * (baselines * len(QUESTIONS) - len(found))
    if not found:
        return []
    plain = holm([*(one.p for one in found), *rest])
    independent = holm([*(one.binomial for one in found), *rest])
    return [
        replace(one, holm=float(plain[place]), binomial_holm=float(independent[place]))
        for place, one in enumerate(found)
    ]


def _compare(baseline: int, question: Question, choices: Sequence[Choice]) -> Comparison:
    won = np.array([one.won for one in choices], np.float64)
    raters = [one.rater for one in choices]
    several = len(set(raters)) > 1
    return Comparison(
        baseline,
        question,
        int(won.sum()),
        len(won),
        len(set(raters)),
        wilson_interval_by_rater(won, raters) if several else None,
        cluster_interval(won, raters, resamples=RESAMPLES) if several else None,
        sign_flip_by_rater(2 * won - 1, raters).p_value,
        binomial_test(int(won.sum()), len(won)),
    )


def abilities(choices: Sequence[Choice], question: Question, methods: Sequence[str]) -> list[Estimate]:
    """Estimate by how many logits the first method is better than each other, by Bradley-Terry with raters who differ.

    `methods` are the reference and the baselines.
    """
    own = [one for one in choices if one.question == question]
    pairs = [(methods[0], methods[one.baseline + 1]) for one in own]
    winners = [pair[not one.won] for pair, one in zip(pairs, own, strict=True)]
    losers = [pair[one.won] for pair, one in zip(pairs, own, strict=True)]
    try:
        found = bradley_terry_by_rater(winners, losers, [one.rater for one in own])
        return [Estimate(name, found.difference(methods[0], name)) for name in methods[1:]]
    except VeraError as error:
        return [Estimate(name, None, str(error)) for name in methods[1:]]


def agreement(choices: Sequence[Choice]) -> list[Estimate]:
    """Estimate Krippendorff's alpha between raters, of each question."""
    found = []
    for question in QUESTIONS:
        own = [one for one in choices if one.question == question]
        won, items = [float(one.won) for one in own], [one.item for one in own]
        found.append(_estimate(question, partial(krippendorff_interval, won, items)))
    return found


def consistency(raters: Sequence[Rater]) -> list[Estimate]:
    """Estimate how often a rater chose the same method again in a repeat, whose sides were swapped."""
    pairs = [
        (rater.name, first, again)
        for rater in raters
        for again in rater.of_kind("repeat")
        for first in rater.answered
        if first.number == again.trial.repeats
    ]
    names = [name for name, _, _ in pairs]
    found = []
    for question in QUESTIONS:
        before, after = [one.won(question) for _, one, _ in pairs], [one.won(question) for *_, one in pairs]
        found.append(_estimate(question, partial(repeat_consistency, before, after, names)))
    return found


def _estimate(name: str, make: Callable[[], Interval]) -> Estimate:
    try:
        return Estimate(name, make())
    except VeraError as error:
        return Estimate(name, None, str(error))
