"""Methods on the same cases."""

import numpy as np
import pytest
from scipy import stats

from vera.errors import VeraError
from vera.metrics.statistics import bootstrap_interval, compare_methods, compare_paired, holm

RNG = np.random.default_rng(0)
HARD = RNG.normal(0, 5, 12)  # how hard cases are, far more than methods differ
ONE, OTHER, SAME = HARD + RNG.normal(0.6, 0.5, 12), HARD + RNG.normal(0, 0.5, 12), HARD + RNG.normal(0.6, 0.5, 12)


def test_pairs_find_what_means_do_not() -> None:
    found = compare_paired(ONE, OTHER)
    assert found.p_value < 0.05 and found.wilcoxon < 0.05
    assert stats.ttest_ind(ONE, OTHER).pvalue > 0.5
    assert found.difference == bootstrap_interval(ONE - OTHER)


def test_p_values_are_scipys() -> None:
    found, rest = compare_paired(ONE, OTHER), ONE - OTHER
    assert found.wilcoxon == stats.wilcoxon(rest).pvalue
    wanted = stats.permutation_test((rest,), np.sum, permutation_type="samples", n_resamples=5000)
    assert found.p_value == pytest.approx(wanted.pvalue)  # all 4,096 signs


def test_the_other_way_round() -> None:
    found, back = compare_paired(ONE, OTHER), compare_paired(OTHER, ONE)
    assert (back.p_value, back.wilcoxon) == pytest.approx((found.p_value, found.wilcoxon))
    assert back.difference.value == pytest.approx(-found.difference.value)


def test_cases_that_one_lacks_are_left_out() -> None:
    holes = ONE.copy()
    holes[[0, 5]] = np.nan
    assert compare_paired(holes, OTHER) == compare_paired(np.delete(ONE, [0, 5]), np.delete(OTHER, [0, 5]))
    assert compare_paired(holes, OTHER).count == 10


def test_equal_methods_do_not_differ() -> None:
    found = compare_paired(ONE, ONE)
    assert (found.p_value, found.wilcoxon) == (1, 1)
    assert (found.difference.low, found.difference.high) == (0, 0)


def test_a_table_is_corrected_as_a_family() -> None:
    found = compare_methods({"ours": ONE, "theirs": OTHER, "twin": SAME}, "ours")
    assert list(found) == ["theirs", "twin"]
    wanted = holm([found["theirs"].p_value, found["twin"].p_value])
    assert [found["theirs"].adjusted, found["twin"].adjusted] == pytest.approx(wanted.tolist())
    assert found["theirs"].adjusted == pytest.approx(2 * found["theirs"].p_value)


@pytest.mark.parametrize(
    ("one", "other", "says"),
    [
        ([1, 2], [1, 2, 3], "not of the same cases"),
        ([1, np.nan, np.nan], [1, 2, 3], "1 cases have both"),
        ([1, np.inf], [1, 2], "not finite"),
    ],
)
def test_what_cannot_be_compared_is_told(one: list[float], other: list[float], says: str) -> None:
    with pytest.raises(VeraError, match=says):
        compare_paired(one, other)


@pytest.mark.parametrize("table", [{}, {"ours": ONE}, {"a": ONE, "b": OTHER}])
def test_a_table_with_one_method_or_without_the_reference_is_told(table: dict[str, np.ndarray]) -> None:
    with pytest.raises(VeraError, match="needs ours and another method"):
        compare_methods(table, "ours")
