"""Bootstrap intervals against scipy's and against closed forms."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from vera.errors import VeraError
from vera.metrics.statistics import bootstrap_interval, bradley_terry, cluster_interval, compare_paired

VALUES = np.random.default_rng(0).lognormal(0, 1, 40)


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_not_expanded_it_is_scipys(method: str) -> None:
    found = bootstrap_interval(VALUES, method=method, expand=False, resamples=1000, seed=3)
    name = {"percentile": "percentile", "bca": "BCa"}[method]
    rng = np.random.default_rng(3)
    wanted = stats.bootstrap((VALUES,), np.mean, n_resamples=1000, method=name, rng=rng).confidence_interval
    assert found.value == pytest.approx(VALUES.mean())
    assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high))


def test_of_another_statistic() -> None:
    found = bootstrap_interval(VALUES, np.median, resamples=1000)
    assert found.value == np.median(VALUES)
    assert found.low < found.value < found.high < bootstrap_interval(VALUES).high


@pytest.mark.parametrize("count", [12, 25, 60])
def test_expanded_it_is_as_wide_as_students(count: int) -> None:
    values = np.random.default_rng(count).normal(size=count)
    found = bootstrap_interval(values, resamples=50_000)
    low, high = stats.t.interval(0.95, count - 1, values.mean(), stats.sem(values))
    assert found.high - found.low == pytest.approx(high - low, rel=0.06)
    assert found.high - found.low > 1.01 * np.diff(_bounds(bootstrap_interval(values, expand=False)))


def test_bca_leans_to_where_the_tail_is() -> None:
    plain, corrected = bootstrap_interval(VALUES), bootstrap_interval(VALUES, method="bca")
    assert corrected.low > plain.low and corrected.high > plain.high


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_equal_values_leave_no_doubt(method: str) -> None:
    found = bootstrap_interval([2.5] * 4, method=method, resamples=100)
    assert (found.value, found.low, found.high) == (2.5, 2.5, 2.5)


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=8), st.sampled_from(["percentile", "bca"]))
def test_bounds_are_within_the_values_and_reproducible(values: list[float], method: str) -> None:
    found = bootstrap_interval(values, method=method, resamples=50)
    slack = 1e-9 * max(map(abs, values))
    assert min(values) - slack <= found.low <= found.high <= max(values) + slack
    assert found == bootstrap_interval(values, method=method, resamples=50)


def test_clusters_of_one_are_no_clusters() -> None:
    plain = bootstrap_interval(VALUES, resamples=500)
    own = cluster_interval(VALUES, np.arange(len(VALUES)), resamples=500)
    assert (own.value, own.low, own.high) == pytest.approx((plain.value, plain.low, plain.high))


def test_repeated_values_of_one_rater_say_nothing_new() -> None:
    raters = np.repeat(np.arange(len(VALUES)), 4)
    found = cluster_interval(np.repeat(VALUES, 4), raters, resamples=500)
    once = cluster_interval(VALUES, np.arange(len(VALUES)), resamples=500)
    assert (found.value, found.low, found.high) == pytest.approx((once.value, once.low, once.high))
    alike = bootstrap_interval(np.repeat(VALUES, 4), resamples=500)
    assert found.high - found.low > 1.8 * (alike.high - alike.low)


def test_raters_with_more_answers_weigh_more() -> None:
    assert cluster_interval([1, 1, 1, 0], ["a", "a", "a", "b"], resamples=50).value == 0.75


@pytest.mark.parametrize(
    ("values", "says"),
    [([], "at least one"), ([1.0], "at least two"), ([1.0, np.nan], "1 of 2 are not finite"), ([[1.0]], "shape")],
)
def test_what_has_no_interval_is_told(values: list[float], says: str) -> None:
    with pytest.raises(VeraError, match=says):
        bootstrap_interval(values)


def test_one_rater_and_lost_labels_are_told() -> None:
    with pytest.raises(VeraError, match="two clusters"):
        cluster_interval([0, 1, 1], ["a"] * 3)
    with pytest.raises(VeraError, match="clusters: one label for each of 3"):
        cluster_interval([0, 1, 1], ["a"] * 2)


def test_a_level_of_95_is_told() -> None:
    with pytest.raises(VeraError, match="level: is above 0 and below 1, not 95"):
        bootstrap_interval(VALUES, level=95)


def _bounds(interval: object) -> tuple[float, float]:
    return interval.low, interval.high  # type: ignore[attr-defined]


@pytest.mark.faults
@pytest.mark.parametrize(("level", "resamples"), [(0.95, 0), (0.95, 1), (0.95, 39), (0.9999999, 10_000)])
def test_too_few_resamples_tell_no_interval(level: float, resamples: int) -> None:
    with pytest.raises(VeraError, match=r"resamples: [0-9]+ or more"):
        bootstrap_interval(VALUES, level=level, resamples=resamples)


@pytest.mark.faults
@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_an_interval_holds_its_value(method: Any) -> None:
    """Also of equal values, whose means are rounded in several ways, and of rare ones."""
    for seed in range(40):
        rng = np.random.default_rng(seed)
        for values in (np.full(rng.integers(2, 30), rng.random()), rng.random(20) < 0.05, rng.random(9) ** 8):
            found = bootstrap_interval(values, method=method, resamples=50, seed=seed)
            assert found.low <= found.value <= found.high


@pytest.mark.faults
def test_what_are_no_numbers_and_no_labels_is_told() -> None:
    """They ended in a trace of NumPy's."""
    words: Any = ["a", "b"]
    for call in (lambda: bootstrap_interval(words), lambda: compare_paired(words, words)):
        with pytest.raises(VeraError, match="values: a list of numbers is needed"):
            call()
    for labels in (lambda: cluster_interval([1, 2], ["a", None]), lambda: bradley_terry(["a", None], ["b", "a"])):
        with pytest.raises(VeraError, match="labels are all texts, or all numbers"):
            labels()
