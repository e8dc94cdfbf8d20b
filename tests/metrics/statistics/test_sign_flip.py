"""The sign-flip test against enumeration, scipy's, and the binomial test that it generalises."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from vera.errors import VeraError
from vera.metrics.statistics import binomial_test, sign_flip, sign_flip_by_rater

ALTERNATIVES = ["two-sided", "greater", "less"]
WHOLE = st.lists(st.integers(-9, 9), min_size=1, max_size=8)


def enumerated(sums: list[float], alternative: str) -> float:
    totals = np.array([np.dot(signs, sums) for signs in product((1, -1), repeat=len(sums))])
    own = sum(sums)
    extreme = {"two-sided": np.abs(totals) >= abs(own) - 1e-9, "greater": totals >= own - 1e-9}
    return float(extreme.get(alternative, totals <= own + 1e-9).mean())


@given(WHOLE, st.sampled_from(ALTERNATIVES))
def test_whole_sums_are_as_enumerated(sums: list[int], alternative: str) -> None:
    found = sign_flip(sums, alternative=alternative)
    assert found.exact and found.total == sum(sums) and found.count == len(sums)
    assert found.p_value == pytest.approx(enumerated(sums, alternative), rel=1e-12)


@pytest.mark.parametrize("alternative", ALTERNATIVES)
def test_other_sums_are_as_enumerated(alternative: str) -> None:
    sums = np.random.default_rng(1).normal(0.4, 1, 9).tolist()
    found = sign_flip(sums, alternative=alternative)
    assert found.exact and found.p_value == pytest.approx(enumerated(sums, alternative))


@pytest.mark.parametrize("alternative", ALTERNATIVES)
@pytest.mark.parametrize("value", [0.5, -0.5, 1e-9, 1e300])
def test_a_single_sum_is_as_enumerated(value: float, alternative: str) -> None:
    found = sign_flip([value], alternative=alternative)
    assert found.exact and found.total == value and found.count == 1
    assert found.p_value == pytest.approx(enumerated([float(np.sign(value))], alternative))


def test_many_other_sums_are_drawn_with_the_seed() -> None:
    sums = np.random.default_rng(1).normal(0.3, 1, 40)
    found = sign_flip(sums, resamples=9999, seed=5)
    wanted = stats.permutation_test(
        (sums,), np.sum, permutation_type="samples", n_resamples=9999, rng=np.random.default_rng(5)
    )
    assert not found.exact and found.p_value == pytest.approx(wanted.pvalue)
    assert found == sign_flip(sums, resamples=9999, seed=5)
    # The same numbers in thousandths are whole, so that their p-value is exact.
    whole = sign_flip(np.rint(1000 * sums))
    assert whole.exact and found.p_value == pytest.approx(whole.p_value, abs=0.01)


@given(st.integers(0, 200), st.integers(0, 200))
def test_raters_of_one_trial_make_it_the_binomial_test(wins: int, losses: int) -> None:
    if wins + losses:
        scores = [1] * wins + [-1] * losses
        assert sign_flip_by_rater(scores, range(len(scores))).p_value == pytest.approx(
            binomial_test(wins, wins + losses)
        )


def test_answers_of_one_rater_move_together() -> None:
    found = sign_flip_by_rater([1] * 30, np.repeat(np.arange(6), 5))
    assert (found.total, found.count) == (30, 6)
    assert found.p_value == pytest.approx(2 / 2**6)  # however many answers each has
    assert sign_flip_by_rater([1] * 30, ["one"] * 30).p_value == 1


def test_nobody_prefers_anything() -> None:
    assert sign_flip([0, 0, 0]).p_value == 1
    assert sign_flip([2, -2]).p_value == 1


def test_large_studies_are_exact() -> None:
    sums = np.random.default_rng(2).binomial(27, 0.51, 400) * 2 - 27
    found = sign_flip(sums)
    normal = 2 * stats.norm.sf(abs(sums.sum()) / np.sqrt((sums.astype(float) ** 2).sum()))
    assert found.exact and found.p_value == pytest.approx(normal, rel=0.05)


@pytest.mark.parametrize(("scores", "raters"), [([], []), ([1, np.inf], [1, 2]), ([1, -1], [1])])
def test_other_arrays_are_told(scores: list[float], raters: list[int]) -> None:
    with pytest.raises(VeraError):
        sign_flip_by_rater(scores, raters)
