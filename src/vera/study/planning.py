"""What a study can find, told before anybody is asked."""

from collections.abc import Sequence

from vera.errors import VeraError
from vera.metrics.statistics import StudyDesign, binomial_power, critical_wins, power, raters_needed
from vera.study.study import QUESTIONS, Design

RATES = (0.6, 0.65, 0.7)
SECONDS = 30  # of a trial: two passes of a clip of five seconds, three choices and the way to the next


def plan_table(
    design: Design, baselines: int, cases: int, rater_sd: float, level: float, raters: Sequence[int], simulations: int
) -> str:
    """Write what a design takes and finds, as Markdown.

    `raters` are the numbers of raters of the table's rows. VeraError for a design that cannot be.
    """
    if baselines < 1 or cases < 1 or not raters:
        raise VeraError("plan: there is at least one baseline, one case and one number of raters")
    if design.trials > cases:
        raise VeraError(f"plan: {design.trials} trials a rater need as many cases, not {cases}; see --trials")
    if design.trials < baselines:
        raise VeraError(f"plan: {design.trials} trials a rater do not meet each of {baselines} baselines")
    tests = baselines * len(QUESTIONS)
    each = design.trials // baselines
    parts = [_told(design, baselines, cases, tests, each), _head(tests)]
    for count in raters:
        cells = [
            _cell(StudyDesign(count, each, rater_sd, family, level), rate, simulations)
            for family in (1, tests)
            for rate in RATES
        ]
        wins = [critical_wins(count * each, level / family) for family in (1, tests)]
        parts.append(_row([str(count), str(count * each), *(str(win or "none") for win in wins), *cells]))
    needed = [_needed(StudyDesign(1, each, rater_sd, f, level), r, simulations) for f in (1, tests) for r in RATES]
    parts += [_row(["for 80 %", "", "", "", *needed]), "", _legend(rater_sd, level, tests)]
    return "\n".join(parts) + "\n"


def minutes(design: Design) -> int:
    """Return about how many minutes a rater needs."""
    return max(1, round(design.length * SECONDS / 60))


def _told(design: Design, baselines: int, cases: int, tests: int, each: int) -> str:
    return (
        f"Each rater: {design.trials} pairs of {cases} cases, {design.catches} catches, {design.repeats} repeats, "
        f"about {minutes(design)} minutes. {baselines} baselines x {len(QUESTIONS)} questions are {tests} tests. "
        f"A rater meets each baseline {each} times or more.\n"
    )


def _head(tests: int) -> str:
    titles = [f"{rate:.0%}, {family} test{'s' * (family > 1)}" for family in (1, tests) for rate in RATES]
    columns = ["raters", "trials a baseline", "wins, 1 test", f"wins, {tests} tests", *titles]
    return f"{_row(columns)}\n{_row(['---'] * len(columns))}"


def _cell(design: StudyDesign, rate: float, simulations: int) -> str:
    found = power(design, rate, simulations=simulations).value
    bound = binomial_power(design.raters * design.trials, rate, design.level / design.tests)
    return f"{100 * found:.0f} % ({100 * bound:.0f})"


def _needed(design: StudyDesign, rate: float, simulations: int) -> str:
    return f"{raters_needed(design, rate, simulations=simulations)} raters"


def _legend(rater_sd: float, level: float, tests: int) -> str:
    return (
        f"Chance that the sign-flip test by rater finds a true win rate at {level:g}, and at {level:g}/{tests}, which "
        f"is what Holm's first step asks; raters' own preferences differ by {rater_sd:g} logits. In brackets: as many "
        "independent trials by the exact binomial test. Wins: the fewest of independent trials that are significant."
    )


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
