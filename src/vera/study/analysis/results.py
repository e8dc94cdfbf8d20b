"""Everything that is reported of a set of raters, as registered; and what is exploratory, apart."""

import statistics as numbers
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vera.study.analysis.choices import Rater, choices_of
from vera.study.analysis.comparisons import Comparison, Estimate, abilities, agreement, compare, consistency
from vera.study.analysis.exclusions import decision_times, missed_catch, one_sided
from vera.study.study import QUESTIONS, Key, Question, Study


@dataclass(frozen=True)
class Result:
    """What a set of raters' answers show.

    Args:
        raters, trials: counts; trials are pairs.
        comparisons: the primary analysis.
        tasks: the same for each task, where there are several.
        abilities: of each question, the reference against each baseline in logits.
        agreement, consistency: of each question.
    """

    raters: int
    trials: int
    comparisons: list[Comparison]
    tasks: Mapping[str, list[Comparison]]
    abilities: Mapping[Question, list[Estimate]]
    agreement: list[Estimate]
    consistency: list[Estimate]


def make_result(study: Study, key: Key, raters: Sequence[Rater]) -> Result:
    """Analyse the answers of `raters` as registered."""
    choices = choices_of(raters)
    methods = (key.reference, *key.baselines)
    tasks = sorted({one.task for one in choices})
    return Result(
        len(raters),
        len(choices) // len(QUESTIONS),
        compare(choices, study.baselines),
        {task: compare([one for one in choices if one.task == task], study.baselines) for task in tasks}
        if len(tasks) > 1
        else {},
        {question: abilities(choices, question, methods) for question in QUESTIONS} if choices else {},
        agreement(choices) if choices else [],
        consistency(raters),
    )


def describe(rater: Rater) -> dict[str, Any]:
    """Return what is told of a rater, in numbers; exploratory but for what the exclusions use."""
    taken, _ = decision_times(rater)
    catches = rater.of_kind("catch")
    records = [one.record for one in rater.answered]
    return {
        "trials": len(rater.answered),
        "of": len(rater.trials),
        "catches missed": sum(map(missed_catch, catches)),
        "catches": len(catches),
        "one side": one_sided(rater)[0],
        "median seconds": numbers.median(taken) if taken else None,
        "replays": sum(record.get("passes", 1) - 1 for record in records),
        "heat maps": sum(bool(record.get("heat_shown")) for record in records),
        "hidden": sum(bool(record.get("hidden")) for record in records),
        "width": min((record["width"] for record in records if "width" in record), default=None),
    }


def limits(result: Result) -> list[str]:
    """Say in sentences what so few answers cannot say."""
    said = []
    if result.raters == 0:
        return ["Nobody's answers are left: there is nothing to report."]
    if result.raters == 1:
        said.append(
            "One rater: shares are this rater's own. Nothing is said of other raters: there are no intervals over "
            "raters, and no test by rater can be significant."
        )
    elif result.raters < 6:
        said.append(
            f"{result.raters} raters: the sign-flip test by rater cannot reach p <= 0.05 with fewer than six, whatever "
            "they answer."
        )
    if not result.tasks and not result.comparisons:
        said.append("No pair was answered.")
    return said
