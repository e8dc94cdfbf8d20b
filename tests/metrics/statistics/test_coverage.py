"""Simulated studies whose raters differ by a logit: intervals hold the truth, and the primary test is not fooled.

`python benchmarks/statistics_coverage.py` does the same with more studies and in more settings.
"""

import numpy as np
import pytest

from vera.metrics.statistics import (
    bradley_terry,
    bradley_terry_by_rater,
    cluster_interval,
    logit_of_win_rate,
    sign_flip_by_rater,
    simulate_comparisons,
    simulate_wins,
    wilson_interval,
    wilson_interval_by_rater,
)
from vera.metrics.statistics.binomial import binomial_test
from vera.metrics.statistics.interval import Interval

RATERS, TRIALS, SD = 19, 5, 1.0


def studies(rate: float, count: int, sd: float = SD) -> list[tuple[np.ndarray, np.ndarray]]:
    """Wins and raters, `[N]` each, of every study."""
    rng, raters = np.random.default_rng(4), np.repeat(np.arange(RATERS), TRIALS)
    wins = simulate_wins(logit_of_win_rate(rate, sd), sd, RATERS, TRIALS, rng, count)
    return [((np.arange(TRIALS) < own[:, None]).astype(float).reshape(-1), raters) for own in wins]


def covered(intervals: list[Interval], truth: float) -> float:
    return float(np.mean([interval.low <= truth <= interval.high for interval in intervals]))


@pytest.mark.parametrize("sd", [0.0, SD])
def test_the_primary_test_is_wrong_in_one_of_twenty_studies(sd: float) -> None:
    found = [sign_flip_by_rater(2 * wins - 1, raters).p_value <= 0.05 for wins, raters in studies(0.5, 1000, sd)]
    assert 0.025 < np.mean(found) <= 0.06


def test_the_binomial_test_is_wrong_twice_as_often_where_raters_differ() -> None:
    found = [binomial_test(int(wins.sum()), len(wins)) <= 0.05 for wins, _ in studies(0.5, 1000)]
    assert np.mean(found) > 0.09
    alike = [binomial_test(int(wins.sum()), len(wins)) <= 0.05 for wins, _ in studies(0.5, 1000, sd=0)]
    assert np.mean(alike) < 0.06


# Of 400 studies whose intervals are right, 93 % to 97 % hold the truth in 93 of 100 tries: the seed is fixed.
@pytest.mark.parametrize("rate", [0.5, 0.65, 0.8])
def test_intervals_of_win_rates_hold_the_truth(rate: float) -> None:
    simulated = studies(rate, 400)
    assert 0.93 <= covered([wilson_interval_by_rater(*one) for one in simulated], rate) <= 0.975
    assert 0.93 <= covered([cluster_interval(*one, resamples=1000) for one in simulated], rate) <= 0.975
    assert covered([wilson_interval(int(wins.sum()), len(wins)) for wins, _ in simulated], rate) < 0.93


def test_intervals_of_abilities_hold_the_truth() -> None:
    simulated = [simulate_comparisons([0.5, -0.5], [(0, 1)], SD, RATERS, TRIALS, seed) for seed in range(200)]
    assert 0.93 <= covered([bradley_terry_by_rater(*one).difference(0, 1) for one in simulated], 1.0) <= 0.975
    assert covered([bradley_terry(*one[:2]).difference(0, 1) for one in simulated], 1.0) < 0.9
