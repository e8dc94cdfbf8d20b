"""Abilities against choix's and statsmodels'."""

import choix
import numpy as np
import pytest
import statsmodels.api as sm

from vera.errors import VeraError
from vera.metrics.statistics import bradley_terry, simulate_comparisons

LOGITS = np.array([1.0, 0.2, 0.0, -0.5, -0.7])
ALL = [(i, j) for i in range(5) for j in range(i)]
STAR = [(0, j) for j in range(1, 5)]


@pytest.mark.parametrize("pairs", [ALL, STAR])
@pytest.mark.parametrize("seed", range(3))
def test_they_are_those_of_choix_and_statsmodels(pairs: list[tuple[int, int]], seed: int) -> None:
    winners, losers, _ = simulate_comparisons(LOGITS, pairs, 0, 30, 3, seed)
    found = bradley_terry(winners, losers)
    data = list(zip(winners.tolist(), losers.tolist(), strict=True))
    wanted = choix.opt_pairwise(5, data, alpha=0, tol=1e-10)
    assert found.logits == pytest.approx(wanted - wanted.mean(), abs=1e-4)
    # A logistic regression of choices, in which method 0 is the reference.
    first, second = np.minimum(winners, losers), np.maximum(winners, losers)
    design = np.eye(5)[first] - np.eye(5)[second]
    fitted = sm.Logit(winners == first, design[:, 1:]).fit(disp=False, tol=1e-12)
    for method in range(1, 5):
        difference = found.difference(method, 0)
        assert difference.value == pytest.approx(fitted.params[method - 1], abs=1e-6)
        assert (difference.low, difference.high) == pytest.approx(tuple(fitted.conf_int()[method - 1]), abs=1e-5)


def test_two_methods_are_a_share_of_wins() -> None:
    found = bradley_terry(["a"] * 30 + ["b"] * 10, ["b"] * 30 + ["a"] * 10)
    assert found.methods == ("a", "b") and found.rater_sd is None
    difference = found.difference("a", "b")
    assert difference.value == pytest.approx(np.log(3))
    assert difference.high - difference.value == pytest.approx(1.959964 / np.sqrt(40 * 0.75 * 0.25), rel=1e-6)
    back = found.difference("b", "a")
    assert (back.low, back.high) == pytest.approx((-difference.high, -difference.low))


@pytest.mark.parametrize(
    ("winners", "losers", "says"),
    [
        ([], [], "there are none"),
        (["a", "b"], ["b"], "2 winners and 1 losers"),
        (["a", "b"], ["b", "b"], "b was compared with itself"),
        (["a", "a", "b", "c"], ["b", "c", "c", "b"], "a always won, always lost"),
        (["a", "b", "c", "d", "e", "c"], ["b", "a", "d", "c", "c", "e"], "a, b always won, .* or was never compared"),
    ],
)
def test_what_has_no_abilities_is_told(winners: list[str], losers: list[str], says: str) -> None:
    with pytest.raises(VeraError, match=says):
        bradley_terry(winners, losers)


def test_a_method_that_was_not_compared_is_told() -> None:
    with pytest.raises(VeraError, match="no method c was compared; there are a, b"):
        bradley_terry(["a", "b"], ["b", "a"]).difference("a", "c")
