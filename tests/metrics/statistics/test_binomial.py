"""Shares of wins against scipy's and statsmodels'."""

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import binom_test, proportion_confint

from vera.errors import VeraError
from vera.metrics.statistics import binomial_test, wilson_interval, wilson_interval_by_rater
from vera.metrics.statistics.binomial import ratio_variance

COUNTS = st.integers(1, 200).flatmap(lambda trials: st.tuples(st.integers(0, trials), st.just(trials)))


@given(COUNTS)
def test_they_are_statsmodels(counts: tuple[int, int]) -> None:
    wins, trials = counts
    assert binomial_test(wins, trials) == pytest.approx(binom_test(wins, trials))
    found = wilson_interval(wins, trials)
    assert (found.low, found.high) == pytest.approx(proportion_confint(wins, trials, method="wilson"), abs=1e-12)


def test_one_sided() -> None:
    assert binomial_test(10, 10, alternative="greater") == pytest.approx(2.0**-10)
    assert binomial_test(0, 10, alternative="greater") == pytest.approx(1)


def test_variance_by_rater_is_that_of_clustered_regression() -> None:
    rng = np.random.default_rng(0)
    raters = rng.integers(0, 12, 100)
    wins = (rng.random(100) < 0.3 + 0.04 * raters).astype(float)
    robust = sm.OLS(wins, np.ones(100)).fit(cov_type="cluster", cov_kwds={"groups": raters, "use_correction": False})
    sums, counts = np.bincount(raters, wins), np.bincount(raters)
    assert ratio_variance(sums, counts) == pytest.approx(12 / 11 * robust.cov_params().item())


def test_with_one_trial_each_raters_are_trials() -> None:
    wins = np.arange(40) < 26
    found = wilson_interval_by_rater(wins, np.arange(40))
    wanted = wilson_interval(26, 40)
    assert found.value == wanted.value == 0.65
    # Student's quantile and the unbiased variance make it a little wider.
    assert wanted.low - 0.01 < found.low < wanted.low and wanted.high < found.high < wanted.high + 0.01


def test_with_two_opinions_it_is_wilsons_of_the_raters() -> None:
    raters = np.repeat(np.arange(10), 30)
    found = wilson_interval_by_rater(raters < 6, raters)
    quantile, trials = stats.t.ppf(0.975, 9), 9  # of ten raters, with the unbiased variance
    level = 2 * stats.norm.cdf(quantile) - 1
    low, high = proportion_confint(0.6 * trials, trials, alpha=1 - level, method="wilson")
    assert (found.low, found.high) == pytest.approx((low, high))


@pytest.mark.parametrize("wins", [[1] * 12, [0] * 12, [0, 1, 0] * 4])
def test_raters_who_do_not_vary_count_once_each(wins: list[int]) -> None:
    found = wilson_interval_by_rater(wins, np.repeat(np.arange(4), 3))
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.high - found.low > 0.4


@pytest.mark.parametrize(("wins", "trials"), [(-1, 3), (4, 3), (0, 0)])
def test_counts_that_cannot_be_are_told(wins: int, trials: int) -> None:
    for function in (binomial_test, wilson_interval):
        with pytest.raises(VeraError, match="no more wins than trials"):
            function(wins, trials)


@pytest.mark.parametrize("chance", [-0.1, 1.5, np.nan])
def test_a_chance_that_cannot_be_is_told(chance: float) -> None:
    with pytest.raises(VeraError, match="chance: is 0 to 1"):
        binomial_test(3, 5, chance)


def test_wins_that_are_no_choices_and_a_single_rater_are_told() -> None:
    with pytest.raises(VeraError, match="0 or 1"):
        wilson_interval_by_rater([0, 2], [1, 2])
    with pytest.raises(VeraError, match="two raters"):
        wilson_interval_by_rater([0, 1], [1, 1])


@pytest.mark.faults
def test_an_interval_by_rater_holds_its_value() -> None:
    for raters in range(2, 40):
        for won in (0, 1):
            found = wilson_interval_by_rater([won] * (5 * raters), np.repeat(np.arange(raters), 5))
            assert found.low <= found.value <= found.high
