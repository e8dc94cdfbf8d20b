"""Does the analysis of a whole study hold what it promises: intervals over the truth, false positives, Holm's family?

Run: python -m benchmarks.study_coverage [--simulations 1000] [--raters 19] [--cases 100] [--baselines 5] [--rater-sd 1]

Every simulated study has the real design: balanced blocks, each rater's own trials, five baselines, three questions,
and the numbers that `vera study analyse` reports. A rater's own preference for each baseline and question is normally
distributed, with a deviation in logits; questions of one rater are alike by a half.
"""

import argparse
from collections import Counter

import numpy as np

from vera.metrics.statistics import logit_of_win_rate
from vera.study.analysis.choices import Choice
from vera.study.analysis.comparisons import Comparison, compare
from vera.study.registration import LEVEL
from vera.study.study import QUESTIONS, Design, Item, Study, Texts
from vera.study.trials import draw_trials

ALIKE = 0.5  # share of a rater's variance that is common to the three questions
RATES = (0.5, 0.65, 0.8)


def bare_study(cases: int, baselines: int, raters: int, trials: int) -> Study:
    """A study without videos."""
    names = tuple(f"case{number}" for number in range(cases))
    items = tuple(
        Item(f"{name}-{baseline}", name, "", "", baseline, "first", (2, 2), 8, 32, 1, 1.0, "")
        for name in names
        for baseline in range(baselines)
    )
    return Study("study", 1, Design(raters, trials, 0, 0), Texts(), names, baselines, items)


def shown_pairs(study: Study) -> list[list[Item]]:
    """The items that each rater meets."""
    items = {item.id: item for item in study.items}
    return [[items[trial.item] for trial in draw_trials(study, slot)] for slot in range(study.design.raters)]


def simulate(
    study: Study, shown: list[list[Item]], rate: float, rater_sd: float, rng: np.random.Generator
) -> list[Choice]:
    """Answers of one study, where each rater prefers the reference to all baselines at `rate` on average."""
    mean, choices = logit_of_win_rate(rate, rater_sd), []
    for number, items in enumerate(shown):
        common = rng.standard_normal((study.baselines, 1)) * np.sqrt(ALIKE)
        own = rng.standard_normal((study.baselines, len(QUESTIONS))) * np.sqrt(1 - ALIKE)
        chances = 1 / (1 + np.exp(-(mean + rater_sd * (common + own))))
        won = rng.random((len(items), len(QUESTIONS))) < chances[[item.baseline for item in items]]
        choices += [
            Choice(f"r{number}", item.case, "", item.id, item.baseline, question, bool(won[place, column]))
            for place, item in enumerate(items)
            for column, question in enumerate(QUESTIONS)
        ]
    return choices


def count(found: list[Comparison], rate: float, counts: Counter[str]) -> None:
    """Count what held and what was significant."""
    for one in found:
        assert one.wilson is not None and one.bootstrap is not None
        counts["comparisons"] += 1
        counts["wilson"] += one.wilson.low <= rate <= one.wilson.high
        counts["bootstrap"] += one.bootstrap.low <= rate <= one.bootstrap.high
        counts["sign-flip"] += one.p <= LEVEL
        counts["binomial"] += one.binomial <= LEVEL
        counts["holm"] += one.holm <= LEVEL
    counts["any"] += any(one.holm <= LEVEL for one in found)
    counts["any binomial"] += any(one.binomial_holm <= LEVEL for one in found)


def row(study: Study, rate: float, rater_sd: float, simulations: int) -> str:
    """Simulate so many studies, and return what they gave as a line of a table."""
    rng, counts, shown = np.random.default_rng(round(1000 * (rate + rater_sd))), Counter[str](), shown_pairs(study)
    for _ in range(simulations):
        count(compare(simulate(study, shown, rate, rater_sd, rng), study.baselines), rate, counts)
    of_all = [counts[name] / counts["comparisons"] for name in ("wilson", "bootstrap", "sign-flip", "binomial", "holm")]
    of_studies = [counts[name] / simulations for name in ("any", "any binomial")]
    cells = [f"{100 * share:.1f} %" for share in (*of_all, *of_studies)]
    return f"| {rate:.0%}, sd {rater_sd:g} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulations", type=int, default=1000)
    parser.add_argument("--raters", type=int, default=19)
    parser.add_argument("--trials", type=int, default=27)
    parser.add_argument("--cases", type=int, default=100)
    parser.add_argument("--baselines", type=int, default=5)
    parser.add_argument("--rater-sd", type=float, nargs="+", default=[0.0, 1.0])
    given = parser.parse_args()
    study = bare_study(given.cases, given.baselines, given.raters, given.trials)
    print(
        f"{given.raters} raters x {given.trials} pairs of {given.cases} cases, {given.baselines} baselines, "
        f"{given.simulations} studies\n\n"
        "| truth | Wilson by rater holds it | bootstrap holds it | p <= 0.05, sign-flip | p <= 0.05, binomial "
        "| by Holm | any by Holm | any by Holm, binomial |\n|---|---|---|---|---|---|---|---|"
    )
    for rater_sd in given.rater_sd:
        for rate in RATES:
            print(row(study, rate, rater_sd, given.simulations), flush=True)


if __name__ == "__main__":
    main()
