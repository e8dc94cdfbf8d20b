"""Bootstrap intervals against what theory says of them."""

import numpy as np
import pytest

from vera.evaluation.reports.summary import estimate


def test_the_interval_of_a_mean_is_two_standard_errors_wide() -> None:
    values = np.random.default_rng(0).normal(3, 2, 400)
    found = estimate(values.tolist())
    error = values.std() / 20
    assert found.mean == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - 1.96 * error, abs=0.2 * error)
    assert found.high == pytest.approx(values.mean() + 1.96 * error, abs=0.2 * error)
    assert found.count == 400


def test_equal_values_leave_no_doubt_and_equal_seeds_no_difference() -> None:
    one = estimate([1.0] * 5)
    assert (one.mean, one.low, one.high) == (1, 1, 1)
    values = [0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 0.0]
    assert estimate(values) == estimate(values)
    assert estimate(values).low < estimate(values).mean < estimate(values).high


def test_it_is_the_percentiles_of_means_drawn_with_return() -> None:
    values = np.random.default_rng(1).lognormal(0, 1, 30)
    drawn = values[np.random.default_rng(7).integers(30, size=(10_000, 30))].mean(axis=1)
    found = estimate(values.tolist(), seed=7)
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])))


def test_a_single_value_is_its_own_interval() -> None:
    found = estimate([0.25])
    assert (found.mean, found.low, found.high, found.count) == (0.25, 0.25, 0.25, 1)
