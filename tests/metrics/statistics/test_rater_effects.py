"""Abilities with raters who differ: the likelihood against integrals, the estimate against limits that are known."""

import numpy as np
import pytest
from scipy import optimize, special, stats

from vera.errors import VeraError
from vera.metrics.statistics import Abilities, bradley_terry, bradley_terry_by_rater, simulate_comparisons
from vera.metrics.statistics.comparisons import Comparisons, tally
from vera.metrics.statistics.rater_effects import marginal_likelihood

LOGITS = np.array([0.6, 0.0, -0.6])
ALL = [(0, 1), (0, 2), (1, 2)]


def half_width(abilities: Abilities) -> float:
    difference = abilities.difference(*abilities.methods[:2])
    return difference.high - difference.value


def two_methods(trials: int, rater_sd: float, raters: int = 6) -> Comparisons:
    return tally(*simulate_comparisons([0.4, -0.4], [(0, 1)], rater_sd, raters, trials, 0))


def integrated(comparisons: Comparisons, difference: float, rater_sd: float) -> float:
    """Log likelihood of two methods, integrated by quadrature."""

    own = np.linspace(-9, 9, 20_001)[:, None]
    logit = difference + rater_sd * own
    joint = comparisons.wins[:, 0] * logit - comparisons.trials[:, 0] * np.logaddexp(0, logit) + stats.norm.logpdf(own)
    return float((special.logsumexp(joint, axis=0) + np.log(own[1, 0] - own[0, 0])).sum())


def test_without_differences_the_likelihood_is_the_plain_one() -> None:
    comparisons = two_methods(5, 1)
    wins, trials = comparisons.wins.sum(), comparisons.trials.sum()
    wanted = wins * 0.5 - trials * np.logaddexp(0, 0.5)
    assert marginal_likelihood(comparisons, np.array([0.25, -0.25]), 0) == pytest.approx(wanted)


@pytest.mark.parametrize(("trials", "error"), [(5, 0.2), (50, 0.04), (400, 0.005)])
def test_the_likelihood_is_the_integral_the_nearer_the_more_trials(trials: int, error: float) -> None:
    comparisons = two_methods(trials, 1)
    found = marginal_likelihood(comparisons, np.array([0.25, -0.25]), 1.0)
    assert found == pytest.approx(integrated(comparisons, 0.5, 1.0), abs=error)


@pytest.mark.parametrize("rater_sd", [0, 1])  # without differences, the estimate of the deviation is often 0
@pytest.mark.parametrize("seed", range(4))
def test_the_estimate_has_the_highest_likelihood(seed: int, rater_sd: float) -> None:
    answers = simulate_comparisons(LOGITS, ALL, rater_sd, 15, 4, seed)
    found, comparisons = bradley_terry_by_rater(*answers), tally(*answers)
    assert found.rater_sd is not None and found.logits.sum() == pytest.approx(0)

    def unlikely(x: np.ndarray) -> float:
        return -marginal_likelihood(comparisons, np.array([x[0], x[1], -x[0] - x[1]]), abs(x[2]))

    start = np.array([*found.logits[:2], found.rater_sd])
    better = optimize.minimize(unlikely, start + 0.3, method="Nelder-Mead", options={"fatol": 1e-9, "xatol": 1e-6})
    assert unlikely(start) <= better.fun + 1e-6


def test_intervals_are_those_of_the_likelihoods_curvature() -> None:
    answers = simulate_comparisons([0.4, -0.4], [(0, 1)], 1, 30, 6, 3)
    found, comparisons = bradley_terry_by_rater(*answers), tally(*answers)
    difference = found.difference(0, 1)

    def profile(value: float) -> float:
        def unlikely(sd: float) -> float:
            return -marginal_likelihood(comparisons, np.array([value / 2, -value / 2]), sd)

        return -float(optimize.minimize_scalar(unlikely, bounds=(0.05, 5), method="bounded").fun)

    step = 0.05
    middle = difference.value
    second = (profile(middle + step) - 2 * profile(middle) + profile(middle - step)) / step**2
    between = -1 / second - half_width(bradley_terry(*answers[:2])) ** 2 / stats.norm.ppf(0.975) ** 2
    within = -1 / second - between
    freedom = (between + within) ** 2 / (between**2 / 29 + within**2 / 179)  # Satterthwaite
    assert 29 < freedom < 179
    assert half_width(found) == pytest.approx(stats.t.ppf(0.975, freedom) / np.sqrt(-second), rel=0.02)


def test_raters_who_are_alike_give_the_plain_estimate() -> None:
    # Each rater answers as every other: half as unlike as chance would make them.
    raters = np.repeat(np.arange(10), 4)
    winners, losers = np.tile(["a", "a", "a", "b"], 10), np.tile(["b", "b", "b", "a"], 10)
    found, plain = bradley_terry_by_rater(winners, losers, raters), bradley_terry(winners, losers)
    assert found.rater_sd == pytest.approx(0, abs=0.02)
    assert found.logits == pytest.approx(plain.logits, abs=1e-3)
    wider = stats.t.ppf(0.975, 39) / stats.norm.ppf(0.975)  # 40 answers, two methods
    assert half_width(found) == pytest.approx(half_width(plain) * wider, rel=1e-3)


@pytest.mark.parametrize("rater_sd", [0.5, 1.0, 2.0])
def test_large_studies_find_the_truth(rater_sd: float) -> None:
    found = bradley_terry_by_rater(*simulate_comparisons(LOGITS, ALL, rater_sd, 600, 20, 1))
    assert found.rater_sd == pytest.approx(rater_sd, rel=0.06)
    assert found.logits == pytest.approx(LOGITS, abs=0.12)
    # What ignores raters finds the preferences of the average trial, which are nearer to none.
    plain = bradley_terry(*simulate_comparisons(LOGITS, ALL, rater_sd, 600, 20, 1)[:2])
    assert np.ptp(plain.logits) < np.ptp(found.logits)


def test_methods_and_raters_may_have_any_names() -> None:
    winners, losers, raters = simulate_comparisons(LOGITS, ALL, 1, 12, 4, 0)
    names, people = np.array(["x", "m", "b"]), np.array([f"rater {index}" for index in range(12)])
    found = bradley_terry_by_rater(names[winners], names[losers], people[raters])
    wanted = bradley_terry_by_rater(winners, losers, raters)
    assert found.difference("x", "b").value == pytest.approx(wanted.difference(0, 2).value, abs=1e-4)
    assert found.difference("x", "b").low == pytest.approx(wanted.difference(0, 2).low, abs=1e-3)


def test_extreme_raters_have_an_estimate() -> None:
    found = bradley_terry_by_rater(*opinions(5, 5, 20, 1))
    assert found.rater_sd is not None and found.rater_sd > 3
    assert found.logits == pytest.approx([0, 0], abs=0.05)
    assert (np.linalg.eigvalsh(found.covariance) > -1e-9).all() and 1 < half_width(found) < 10


@pytest.mark.parametrize("answers", [1, 3, 10, 50])
@pytest.mark.parametrize(("ones", "others"), [(1, 1), (2, 1), (5, 5), (7, 3), (18, 1)])
def test_raters_of_one_mind_each_have_finite_intervals_or_are_told(ones: int, others: int, answers: int) -> None:
    try:
        found = bradley_terry_by_rater(*opinions(ones, others, answers, 0))
    except VeraError as error:
        assert "raters hardly ever contradict themselves" in str(error)
        assert answers > 1 or ones == 18
    else:
        assert answers == 1 and found.rater_sd is not None and found.rater_sd <= 10
        assert np.isfinite(half_width(found))


def opinions(ones: int, others: int, answers: int, slips: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Answers of raters who prefer `a` and of others who prefer `b`, but for so many slips of each."""
    own = np.arange(answers) < slips
    first = np.concatenate([np.tile(~own, ones), np.tile(own, others)])
    return np.where(first, "a", "b"), np.where(first, "b", "a"), np.repeat(np.arange(ones + others), answers)


def test_one_rater_and_a_method_that_always_won_are_told() -> None:
    with pytest.raises(VeraError, match="two raters"):
        bradley_terry_by_rater(["a", "b"], ["b", "a"], [1, 1])
    with pytest.raises(VeraError, match="always won"):
        bradley_terry_by_rater(["a", "a"], ["b", "b"], [1, 2])
    with pytest.raises(VeraError, match="raters: one label for each of 2"):
        bradley_terry_by_rater(["a", "b"], ["b", "a"], [1])


def test_the_smallest_study_has_wide_intervals() -> None:
    found = bradley_terry_by_rater(["a", "b"], ["b", "a"], [1, 2]).difference("a", "b")
    assert found.value == pytest.approx(0, abs=1e-6) and found.high > 10
