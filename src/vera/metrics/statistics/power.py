"""What a study can find, before anyone is asked: power by simulation, and how many raters it takes."""

from dataclasses import dataclass, replace

import numpy as np

from vera.errors import VeraError
from vera.fields import check_counts
from vera.metrics.statistics.binomial import wilson_interval
from vera.metrics.statistics.checks import share
from vera.metrics.statistics.interval import Interval
from vera.metrics.statistics.optional import need
from vera.metrics.statistics.sign_flip import exact_p_value
from vera.metrics.statistics.simulate import logit_of_win_rate, simulate_wins

SIMULATIONS = 2000
MOST_RATERS = 2048  # that `raters_needed` tries


@dataclass(frozen=True)
class StudyDesign:
    """One comparison of a study; with several, each is planned at `level / tests`, which Holm's first step asks."""

    raters: int
    trials: int  # of each rater in this comparison
    rater_sd: float = 1.0  # standard deviation of the raters' own preferences, in logits
    tests: int = 1
    level: float = 0.05

    def __post_init__(self) -> None:
        for name in ("raters", "trials", "tests"):
            if not 1 <= getattr(self, name) <= 100_000:
                raise VeraError(f"design: {name} are 1 to 100,000, not {getattr(self, name)}")
        share(self.level, "design: level")


def power(design: StudyDesign, rate: float, *, simulations: int = SIMULATIONS, seed: int = 0) -> Interval:
    """Share of simulated studies whose sign-flip test by rater finds a true win rate, which is not one half.

    The interval is that of the simulation (Wilson). At `rate` 0.5 this is the share of false positives.
    """
    found = significant(design, rate, simulations, seed)
    return wilson_interval(found, simulations)


def significant(design: StudyDesign, rate: float, simulations: int, seed: int) -> int:
    """Count the simulated studies whose sign-flip test by rater is significant. VeraError without any."""
    check_counts(simulations=simulations)
    logit, rng = logit_of_win_rate(rate, design.rater_sd), np.random.default_rng(seed)
    wins = simulate_wins(logit, design.rater_sd, design.raters, design.trials, rng, simulations)
    return sum(exact_p_value(sums) <= design.level / design.tests for sums in 2 * wins - design.trials)


def raters_needed(
    design: StudyDesign, rate: float, wanted: float = 0.8, *, simulations: int = SIMULATIONS, seed: int = 0
) -> int:
    """Find the fewest raters with which a share of `wanted` of studies find a true win rate; ignores `design.raters`.

    VeraError if more than `MOST_RATERS` are needed, as for a rate of one half.
    """
    share(wanted, "wanted power")

    def enough(raters: int) -> bool:
        return significant(replace(design, raters=raters), rate, simulations, seed) >= wanted * simulations

    least, most = 1, 2
    while not enough(most):
        least, most = most, most * 2
        if most > MOST_RATERS:
            raise VeraError(f"design: a win rate of {rate:g} is too near to 0.5 to be found with {MOST_RATERS} raters")
    while most - least > 1:
        middle = (least + most) // 2
        least, most = (least, middle) if enough(middle) else (middle, most)
    return most


def critical_wins(trials: int, level: float = 0.05) -> int | None:
    """Fewest wins of independent trials that the exact two-sided binomial test calls significant; None if none are."""
    upper = np.arange(trials // 2 + 1, trials + 1)
    tails = 2 * need("scipy.stats").binom.sf(upper - 1, trials, 0.5)
    enough = upper[np.minimum(tails, 1) <= share(level, "level")]
    return int(enough[0]) if len(enough) else None


def binomial_power(trials: int, rate: float, level: float = 0.05) -> float:
    """Chance that independent trials find a win rate by the exact two-sided binomial test.

    It is an upper bound for a study in which raters answer several trials each.
    """
    wins = critical_wins(trials, level)
    if wins is None:
        return 0.0
    binom = need("scipy.stats").binom
    return float(binom.sf(wins - 1, trials, share(rate, "win rate")) + binom.cdf(trials - wins, trials, rate))
