"""Whose answers are left out, by the registered rules alone."""

import statistics as numbers
from collections.abc import Mapping, Sequence

from vera.metrics.statistics import binomial_test
from vera.study.analysis.choices import Answered, Rater
from vera.study.study import Question, Rules, Study

SHOWN_BY_CATCHES: tuple[Question, ...] = ("preservation", "quality")  # an unrecognisable clip may follow an instruction


def exclusions(study: Study, raters: Sequence[Rater]) -> Mapping[str, list[str]]:
    """Say why a rater is left out, by name; empty for one who is not."""
    return {rater.name: reasons(study.design.rules, rater) for rater in raters}


def reasons(rules: Rules, rater: Rater) -> list[str]:
    """Say in words which rules leave a rater out."""
    found = []
    missed = sum(missed_catch(one) for one in rater.of_kind("catch"))
    if rules.missed and missed >= rules.missed:
        found.append(f"{missed} catches missed")
    share, p = one_sided(rater)
    if share > rules.side and p < rules.side_p:
        found.append(f"{share:.0%} of answers on one side")
    taken, shown = decision_times(rater)
    if taken and numbers.median(taken) < numbers.median(shown):
        found.append(f"median time to decide {numbers.median(taken):.1f} s, clips {numbers.median(shown):.1f} s")
    done = len(rater.answered) / len(rater.trials)
    if done < rules.done:
        found.append(f"{done:.0%} of trials done")
    return found


def missed_catch(one: Answered) -> bool:
    """Whether the damaged result of a catch was chosen where nobody who looks would."""
    return not all(one.won(question) for question in SHOWN_BY_CATCHES)


def one_sided(rater: Rater) -> tuple[float, float]:
    """Return the share of answers to pairs on the side chosen more often, and how likely chance gives such a share."""
    sides = [side for one in rater.of_kind("pair") for side in one.sides.values()]
    if not sides:
        return 0.5, 1.0
    most = max(sides.count("left"), sides.count("right"))
    return most / len(sides), binomial_test(most, len(sides))


def decision_times(rater: Rater) -> tuple[list[float], list[float]]:
    """Return seconds from the beginning of each pair to its answer, and the lengths of their clips."""
    pairs = [one for one in rater.of_kind("pair") if "rt" in one.record]
    return [float(one.record["rt"]) / 1000 for one in pairs], [one.item.seconds for one in pairs]
