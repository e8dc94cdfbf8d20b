"""Do 95 % intervals hold the truth in 95 % of studies, and do tests find differences where there are none?

Run: python benchmarks/statistics_coverage.py [--simulations 1000] [TABLE ...]; tables are errors, cases, rates,
values, abilities, agreement, designs. Without any, all are printed. Studies are simulated: the raters' own preferences
are normally distributed, with a standard deviation in logits.
"""

import argparse
from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np

from vera.metrics import statistics
from vera.metrics.statistics.interval import Interval

RATERS, TRIALS = 19, 5  # of each comparison; the published study had 19 raters and 512 trials for five comparisons
DEVIATIONS = (0.0, 0.5, 1.0)
PAIRS = tuple((0, other) for other in range(1, 6))  # one method against five, as there


def studies(logit: float, rater_sd: float, count: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Wins, `[N]` of 0 and 1, and raters, `[N]`, of studies of one comparison."""
    rng = np.random.default_rng(round(1000 * (logit + rater_sd)))
    raters = np.repeat(np.arange(RATERS), TRIALS)
    for wins in statistics.simulate_wins(logit, rater_sd, RATERS, TRIALS, rng, count):
        yield (np.arange(TRIALS) < wins[:, None]).astype(float).reshape(-1), raters


def error_table(simulations: int) -> None:
    """False positives at p <= 0.05 of studies in which nobody prefers either method on average."""
    print(f"\n| false positives, {RATERS} raters x {TRIALS} | {' | '.join(f'sd {sd:g}' for sd in DEVIATIONS)} |")
    print("|---|" + "---|" * len(DEVIATIONS))
    found: dict[str, list[float]] = {"sign-flip by rater": [], "exact binomial": [], "abilities by rater": []}
    for sd in DEVIATIONS:
        counts = dict.fromkeys(found, 0)
        for wins, raters in studies(0, sd, simulations):
            counts["sign-flip by rater"] += statistics.sign_flip_by_rater(2 * wins - 1, raters).p_value <= 0.05
            counts["exact binomial"] += statistics.binomial_test(int(wins.sum()), len(wins)) <= 0.05
            interval = by_rater(wins, raters)
            counts["abilities by rater"] += not interval.low <= 0 <= interval.high
        for name, count in counts.items():
            found[name].append(count / simulations)
    for name, shares in found.items():
        print(f"| {name} | {' | '.join(f'{100 * share:.1f} %' for share in shares)} |")


def by_rater(wins: np.ndarray, raters: np.ndarray) -> Interval:
    first = np.where(wins > 0, 0, 1)
    return statistics.bradley_terry_by_rater(first, 1 - first, raters).difference(0, 1)


def case_table(simulations: int) -> None:
    """False positives where cases also differ, by sd 1, and each rater sees other ones of a few."""
    print("\n| false positives, raters and cases differ by sd 1 | by rater | exact binomial |\n|---|---|---|")
    raters = np.repeat(np.arange(RATERS), TRIALS)
    for count in (100, 30, 10, 5):
        rng, found = np.random.default_rng(count), Counter[str]()
        for _ in range(simulations):
            cases = np.concatenate([rng.permutation(count)[:TRIALS] for _ in range(RATERS)])
            logits = rng.normal(size=RATERS)[raters] + rng.normal(size=count)[cases]
            wins = rng.random(len(raters)) < 1 / (1 + np.exp(-logits))
            found["rater"] += statistics.sign_flip_by_rater(2.0 * wins - 1, raters).p_value <= 0.05
            found["binomial"] += statistics.binomial_test(int(wins.sum()), len(wins)) <= 0.05
        shares = (f"{100 * found[name] / simulations:.1f} %" for name in ("rater", "binomial"))
        print(f"| {RATERS} raters x {TRIALS} of {count} cases | {' | '.join(shares)} |")


RATES: dict[str, Callable[[np.ndarray, np.ndarray], Interval]] = {
    "Wilson by rater": statistics.wilson_interval_by_rater,
    "bootstrap of raters": lambda wins, raters: statistics.cluster_interval(wins, raters, resamples=2000),
    "bootstrap of raters, BCa": lambda wins, raters: statistics.cluster_interval(
        wins, raters, resamples=2000, method="bca"
    ),
    "bootstrap of raters, not expanded": lambda wins, raters: statistics.cluster_interval(
        wins, raters, resamples=2000, expand=False
    ),
    "Wilson, as if independent": lambda wins, _: statistics.wilson_interval(int(wins.sum()), len(wins)),
}


def rate_table(simulations: int) -> None:
    """Coverage of intervals of the share of wins."""
    settings = [(sd, rate) for sd in DEVIATIONS for rate in (0.5, 0.65, 0.8)]
    print(
        f"\n| coverage, {RATERS} raters x {TRIALS} | {' | '.join(f'{rate:.0%}, sd {sd:g}' for sd, rate in settings)} |"
    )
    print("|---|" + "---|" * len(settings))
    rows: dict[str, list[float]] = {name: [] for name in RATES}
    for sd, rate in settings:
        held = Counter[str]()
        for wins, raters in studies(statistics.logit_of_win_rate(rate, sd), sd, simulations):
            held.update(name for name, interval in RATES.items() if holds(interval(wins, raters), rate))
        for name, row in rows.items():
            row.append(held[name] / simulations)
    for name, row in rows.items():
        print(f"| {name} | {' | '.join(f'{100 * share:.1f}' for share in row)} |")


def value_table(simulations: int) -> None:
    """Coverage of intervals of the mean of measures by case."""
    kinds: dict[str, tuple[Callable[[np.random.Generator, int], np.ndarray], float]] = {
        "normal": (lambda rng, count: rng.normal(size=count), 0.0),
        "lognormal, sigma 1": (lambda rng, count: rng.lognormal(0, 1, count), float(np.exp(0.5))),
        "hits, 80 %": (lambda rng, count: (rng.random(count) < 0.8).astype(float), 0.8),
    }
    print(
        "\n| coverage, cases | percentile | BCa | percentile, not expanded | BCa, not expanded |\n|---|---|---|---|---|"
    )
    for name, (draw, truth) in kinds.items():
        for count in (15, 30, 60):
            rng, held = np.random.default_rng(count), Counter[int]()
            for _ in range(simulations):
                values = draw(rng, count)
                for column, (method, expand) in enumerate((m, e) for e in (True, False) for m in ("percentile", "bca")):
                    found = statistics.bootstrap_interval(values, method=method, expand=expand, resamples=2000)
                    held[column] += holds(found, truth)
            print(f"| {name}, {count} | {' | '.join(f'{100 * held[i] / simulations:.1f}' for i in range(4))} |")


def ability_table(simulations: int) -> None:
    """Coverage of the difference of two of six abilities, one method having met five others."""
    print(f"\n| coverage, {RATERS} raters x {TRIALS} of five pairs | by rater | as if independent | rater sd found |")
    print("|---|---|---|---|")
    logits = np.array([0.8, -0.2, 0.2, -0.6, 0.4, -0.6])
    for sd in DEVIATIONS:
        held, found = Counter[str](), []
        for seed in range(simulations):
            winners, losers, raters = statistics.simulate_comparisons(logits, PAIRS, sd, RATERS, TRIALS, seed)
            apart, alike = (
                statistics.bradley_terry_by_rater(winners, losers, raters),
                statistics.bradley_terry(winners, losers),
            )
            held["apart"] += holds(apart.difference(0, 1), logits[0] - logits[1])
            held["alike"] += holds(alike.difference(0, 1), logits[0] - logits[1])
            found.append(apart.rater_sd or 0.0)
        shares = (f"{100 * held[name] / simulations:.1f}" for name in ("apart", "alike"))
        print(f"| sd {sd:g} | {' | '.join(shares)} | {np.mean(found):.2f} |")


def agreement_table(simulations: int) -> None:
    """Coverage of Krippendorff's alpha of two-way choices: 5 of many raters on each of 60 units."""
    print("\n| coverage, alpha, 60 units x 5 raters | truth | coverage |\n|---|---|---|")
    for sd in (0.5, 1.0, 2.0):
        truth = statistics.krippendorff_alpha(*choices_of_units(20_000, sd, seed=1))
        drawn = (choices_of_units(60, sd, seed) for seed in range(2, simulations + 2))
        held = sum(holds(statistics.krippendorff_interval(*one, resamples=1000), truth) for one in drawn)
        print(f"| units differ by sd {sd:g} | {truth:.3f} | {100 * held / simulations:.1f} |")


def choices_of_units(count: int, sd: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng, units = np.random.default_rng(seed), np.repeat(np.arange(count), 5)
    return rng.random(len(units)) < 1 / (1 + np.exp(-sd * rng.normal(size=count)[units])), units


def design_table(simulations: int) -> None:
    """Power of the sign-flip test by rater; what as many independent trials would find; raters for a power of 80 %."""
    rates, families = (0.6, 0.65, 0.7), (1, 15)
    titles = " | ".join(f"{rate:.0%}, {tests} test{'s' * (tests > 1)}" for tests in families for rate in rates)
    print(f"\n| power, raters differ by sd 1 | {titles} |\n|---|{'---|' * 6}")
    for raters, trials in ((19, 5), (40, 5), (40, 9), (100, 9)):
        designs = [(statistics.StudyDesign(raters, trials, tests=tests), rate) for tests in families for rate in rates]
        shares = (statistics.power(design, rate, simulations=simulations).value for design, rate in designs)
        bounds = (statistics.binomial_power(raters * trials, rate, 0.05 / design.tests) for design, rate in designs)
        cells = (f"{100 * share:.0f} % ({100 * bound:.0f})" for share, bound in zip(shares, bounds, strict=True))
        print(f"| {raters} raters x {trials} (independent) | {' | '.join(cells)} |")
    for trials in (5, 9):
        designs = [(statistics.StudyDesign(1, trials, tests=tests), rate) for tests in families for rate in rates]
        counts = (statistics.raters_needed(design, rate, simulations=simulations) for design, rate in designs)
        print(f"| raters for 80 %, {trials} trials each | {' | '.join(map(str, counts))} |")


def holds(interval: Interval, truth: float) -> bool:
    return interval.low <= truth <= interval.high


TABLES = {
    "errors": error_table,
    "cases": case_table,
    "rates": rate_table,
    "values": value_table,
    "abilities": ability_table,
    "agreement": agreement_table,
    "designs": design_table,
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", choices=[*TABLES, []], metavar="TABLE")
    parser.add_argument("--simulations", type=int, default=1000)
    arguments = parser.parse_args()
    for name in arguments.tables or TABLES:
        TABLES[name](arguments.simulations)
