"""Plans of studies against closed forms."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from vera.errors import VeraError
from vera.metrics.statistics import (
    StudyDesign,
    binomial_power,
    binomial_test,
    critical_wins,
    logit_of_win_rate,
    power,
    raters_needed,
)


@pytest.mark.parametrize("level", [0.05, 0.05 / 15])
@pytest.mark.parametrize("trials", [6, 64, 102, 200])
def test_critical_wins_are_the_fewest(trials: int, level: float) -> None:
    wins = critical_wins(trials, level)
    if wins is None:
        assert binomial_test(trials, trials) > level
    else:
        assert binomial_test(wins, trials) <= level < binomial_test(wins - 1, trials)


def test_power_of_independent_trials() -> None:
    assert binomial_power(102, 0.65) == pytest.approx(stats.binom.sf(61, 102, 0.65), abs=1e-6)
    assert binomial_power(102, 0.5) == pytest.approx(2 * stats.binom.sf(61, 102, 0.5))
    assert binomial_power(5, 0.9) == 0  # even all five are no evidence at 0.05
    assert binomial_power(64, 0.35) == pytest.approx(binomial_power(64, 0.65))


def test_one_trial_each_is_the_binomial_test() -> None:
    found = power(StudyDesign(raters=64, trials=1, rater_sd=0), 0.65)
    assert found.low <= binomial_power(64, 0.65) <= found.high


def test_power_grows_with_raters_and_falls_with_their_differences_and_the_number_of_tests() -> None:
    design = StudyDesign(raters=19, trials=5)
    base = power(design, 0.65).value
    assert power(replace(design, raters=40), 0.65).value > base + 0.1
    assert power(replace(design, rater_sd=2), 0.65).value < base - 0.1
    assert power(replace(design, tests=15), 0.65).value < base - 0.1
    assert power(design, 0.5).value <= 0.06
    assert power(design, 0.65) == power(design, 0.65)


def test_raters_needed_are_the_fewest() -> None:
    design = StudyDesign(raters=1, trials=5)
    count = raters_needed(design, 0.65, 0.8)
    assert (
        power(replace(design, raters=count), 0.65).value >= 0.8 > power(replace(design, raters=count - 1), 0.65).value
    )
    # The normal approximation of a mean over raters: what one rater's share varies by, and how far it is from a half.
    assert count == pytest.approx(_approximately(0.65, 5, 1.0), rel=0.15)


def _approximately(rate: float, trials: int, sd: float) -> float:
    logit = logit_of_win_rate(rate, sd)
    second = stats.norm.expect(lambda own: 1 / (1 + np.exp(-logit - sd * own)) ** 2)
    variance = second - rate**2 + (rate - second) / trials
    return (1.96 + 0.84) ** 2 * variance / (rate - 0.5) ** 2 + 2


def test_what_no_study_finds_is_told() -> None:
    with pytest.raises(VeraError, match="too near to 0"):
        raters_needed(StudyDesign(raters=1, trials=1), 0.5, simulations=20)


@pytest.mark.parametrize("count", [0, -5])
def test_no_simulations_are_told(count: int) -> None:
    with pytest.raises(VeraError, match=f"simulations must be at least 1, not {count}"):
        power(StudyDesign(19, 5), 0.65, simulations=count)
    with pytest.raises(VeraError, match="simulations must"):
        raters_needed(StudyDesign(19, 5), 0.65, simulations=count)


@pytest.mark.parametrize("wrong", [{"raters": 0}, {"trials": -1}, {"tests": 0}, {"level": 5}])
def test_designs_that_cannot_be_are_told(wrong: dict[str, int]) -> None:
    with pytest.raises(VeraError, match=f"design: {next(iter(wrong))}"):
        StudyDesign(**{"raters": 19, "trials": 5} | wrong)
