"""Agreement against a second implementation."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from vera.errors import VeraError
from vera.metrics.statistics import krippendorff_alpha, krippendorff_interval, repeat_consistency

ANSWERS = st.lists(st.tuples(st.integers(0, 5), st.integers(1, 4)), min_size=2, max_size=30)


def plain_alpha(values: list[int], units: list[int], scale: str) -> float:
    """Krippendorff's alpha pair by pair: disagreement within units over disagreement of all."""
    kept = [(unit, value) for unit, value in zip(units, values, strict=True) if units.count(unit) > 1]
    distance = {"nominal": lambda a, b: float(a != b), "interval": lambda a, b: float((a - b) ** 2)}[scale]
    observed = expected = 0.0
    for i, (unit, value) in enumerate(kept):
        for j, (other_unit, other) in enumerate(kept):
            if i != j:
                expected += distance(value, other) / (len(kept) - 1)
                if unit == other_unit:
                    observed += distance(value, other) / (units.count(unit) - 1)
    return 1 - observed / expected


@pytest.mark.parametrize("scale", ["nominal", "interval"])
@given(ANSWERS)
def test_alpha_is_that_of_all_pairs(scale: str, answers: list[tuple[int, int]]) -> None:
    units, values = (list(column) for column in zip(*answers, strict=True))
    kept = {value for unit, value in answers if units.count(unit) > 1}
    assume(len(kept) > 1)
    assert krippendorff_alpha(values, units, scale) == pytest.approx(plain_alpha(values, units, scale))


def test_agreement_is_one_and_opposition_is_below_zero() -> None:
    assert krippendorff_alpha([1, 1, 0, 0], ["a", "a", "b", "b"]) == 1
    assert krippendorff_alpha([1, 0, 1, 0], ["a", "a", "b", "b"]) < 0


def test_the_interval_holds_the_estimate_and_narrows_with_units() -> None:
    rng = np.random.default_rng(0)

    def study(count: int) -> tuple[np.ndarray, np.ndarray]:
        units = np.repeat(np.arange(count), 4)
        return (rng.random(len(units)) < np.repeat(rng.random(count), 4)).astype(int), units

    few, many = (krippendorff_interval(*study(count), resamples=300) for count in (25, 400))
    for found in (few, many):
        assert found.low < found.value < found.high
    assert (few.high - few.low) / (many.high - many.low) == pytest.approx(4, rel=0.3)


def test_the_interval_is_reproducible_and_survives_draws_of_one_value() -> None:
    values, units = [0, 0, 1, 1, 1, 0], [1, 1, 2, 2, 3, 3]
    found = krippendorff_interval(values, units, resamples=100)
    assert found == krippendorff_interval(values, units, resamples=100)
    assert (
        found.value == pytest.approx(krippendorff_alpha(values, units)) and np.isfinite([found.low, found.high]).all()
    )


@pytest.mark.parametrize(
    ("values", "units", "says"),
    [
        ([], [], "at least one"),
        ([0, 1], [1, 2], "no unit has values of two raters"),
        ([1, 1, 1], [1, 1, 2], "all values are equal"),
        ([1, 0, 1], [1, 1], "one label for each of 3"),
    ],
)
def test_what_has_no_agreement_is_told(values: list[int], units: list[int], says: str) -> None:
    with pytest.raises(VeraError, match=says):
        krippendorff_alpha(values, units)


def test_one_unit_has_no_interval() -> None:
    with pytest.raises(VeraError, match="at least two"):
        krippendorff_interval([0, 1, 1], ["only"] * 3)


def test_consistency_counts_equal_choices() -> None:
    raters = np.repeat(np.arange(8), 3)
    first, second = np.tile(["x", "y", "x"], 8), np.tile(["x", "y", "y"], 8)
    second[:3] = "x", "y", "x"
    found = repeat_consistency(first, second, raters)
    assert found.value == pytest.approx(17 / 24)
    assert 0 < found.low < found.value < found.high < 1


def test_repeats_that_do_not_match_are_told() -> None:
    with pytest.raises(VeraError, match="2 first and 1 second"):
        repeat_consistency(["x", "y"], ["x"], [1, 2])


@pytest.mark.faults
def test_ratios_are_of_values_from_0_on() -> None:
    with pytest.raises(VeraError, match="no values below 0"):
        krippendorff_alpha([-1, 1, 1, 2], [0, 0, 1, 1], "ratio")
    assert krippendorff_alpha([0, 1, 1, 2], [0, 0, 1, 1], "ratio") < 1
