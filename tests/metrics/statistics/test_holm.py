"""Holm's correction against statsmodels' and against stepping down."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from vera.errors import VeraError
from vera.metrics.statistics import holm

P = st.lists(st.floats(0, 1), min_size=1, max_size=15)


def test_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.5]).tolist() == pytest.approx([0.04, 0.09, 0.09, 0.5])


@pytest.mark.parametrize("count", [1, 2, 15])
def test_it_is_statsmodels(count: int) -> None:
    values = np.random.default_rng(count).random(count) ** 4
    assert holm(values) == pytest.approx(multipletests(values, method="holm")[1])


@given(P, st.floats(0.001, 0.5))
def test_what_it_keeps_is_what_stepping_down_keeps(values: list[float], level: float) -> None:
    kept = set()
    for step, index in enumerate(np.argsort(values, kind="stable").tolist()):
        if values[index] * (len(values) - step) > level:
            break
        kept.add(index)
    adjusted = holm(values)
    near = np.abs(adjusted - level) < 1e-12
    assert {index for index in np.flatnonzero(adjusted <= level) if not near[index]} == {i for i in kept if not near[i]}


@pytest.mark.parametrize("values", [[], [0.5, 1.5], [-0.1], [np.nan]])
def test_what_is_no_p_value_is_told(values: list[float]) -> None:
    with pytest.raises(VeraError):
        holm(values)
