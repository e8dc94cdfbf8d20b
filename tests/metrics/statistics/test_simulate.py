"""Simulated studies have the win rates that they were asked for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from vera.errors import VeraError
from vera.metrics.statistics import logit_of_win_rate, simulate_comparisons, simulate_wins, win_rate


@pytest.mark.parametrize(("logit", "sd"), [(0.0, 1.0), (0.7, 0.0), (1.5, 1.0), (-2.0, 3.0)])
def test_win_rates_are_integrals(logit: float, sd: float) -> None:
    wanted = integrate.quad(lambda own: stats.norm.pdf(own) / (1 + np.exp(-logit - sd * own)), -12, 12)[0]
    assert win_rate(logit, sd) == pytest.approx(wanted, abs=1e-6)


@given(st.floats(0.01, 0.99), st.floats(0, 3))
def test_logits_and_win_rates_are_inverse(rate: float, sd: float) -> None:
    assert win_rate(logit_of_win_rate(rate, sd), sd) == pytest.approx(rate, abs=1e-9)


@pytest.mark.parametrize("sd", [0.0, 1.0])
def test_raters_differ_as_much_as_asked(sd: float) -> None:
    wins = simulate_wins(logit_of_win_rate(0.65, sd), sd, 200, 500, np.random.default_rng(0), 100)
    assert wins.shape == (100, 200) and wins.mean() / 500 == pytest.approx(0.65, abs=0.005)
    logits = np.log((wins + 0.5) / (500 - wins + 0.5))
    within = np.mean(1 / (wins + 0.5) + 1 / (500 - wins + 0.5))
    assert np.sqrt(max(logits.var() - within, 0)) == pytest.approx(sd, abs=0.03)


def test_any_two_methods_differ_by_the_raters_deviation() -> None:
    winners, losers, raters = simulate_comparisons([0.5, 0, -0.5], [(0, 1), (2, 0)], 1.0, 2000, 100, 0)
    assert len(raters) == 2000 * 2 * 100 and (np.bincount(raters) == 200).all()
    for first, second, logit in ((0, 1, 0.5), (2, 0, -1.0)):
        shown = (np.minimum(winners, losers) == min(first, second)) & (
            np.maximum(winners, losers) == max(first, second)
        )
        rates = np.bincount(raters[shown], winners[shown] == first) / 100
        assert rates.mean() == pytest.approx(win_rate(logit, 1), abs=0.02)
        logits = np.log((100 * rates + 0.5) / (100 * (1 - rates) + 0.5))
        assert logits.std() == pytest.approx(np.sqrt(1 + 1 / 20), abs=0.1)


def test_rates_and_deviations_that_cannot_be_are_told() -> None:
    with pytest.raises(VeraError, match="win rate: is above 0 and below 1"):
        logit_of_win_rate(1.0, 0)
    with pytest.raises(VeraError, match="0 to 10 logits, not -1"):
        win_rate(0, -1)
