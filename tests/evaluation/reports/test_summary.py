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
