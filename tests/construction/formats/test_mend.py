"""Levels and strokes of a person over a matte."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vera.construction.formats.mend import LEAST, NOTHING, Mend, read_mend
from vera.errors import VeraError

RAMP = np.linspace(0, 1, 101, dtype=np.float32)[None]


def test_levels_are_straight_between_their_ends() -> None:
    found = Mend((0.25, 0.75)).apply(RAMP, 0)
    assert (found[0, :26] == 0).all() and (found[0, 75:] == 1).all()
    np.testing.assert_allclose(found, np.clip((RAMP.astype(np.float64) - 0.25) / 0.5, 0, 1), atol=1e-6)
    assert found.dtype == np.float32
    assert NOTHING.apply(RAMP, 0) is RAMP


def test_strokes_come_after_levels_and_in_their_frames() -> None:
    dab = {"points": [[10, 0]], "radius": 3, "value": 1.0, "mode": "add", "range": [2, 2]}
    mend = read_mend({"levels": [0.5, 1], "strokes": [dab], "by": "anna"})
    assert mend.apply(RAMP, 2)[0, 10] == 1 and mend.apply(RAMP, 3)[0, 10] == 0


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_whatever_the_levels_alpha_stays_alpha_and_rises(low: float, high: float, alpha: float) -> None:
    if low > high - LEAST:
        with pytest.raises(VeraError, match="levels rise from 0 to 1"):
            Mend((low, high))
        return
    found = Mend((low, high)).apply(np.sort(np.float32([[alpha, 0.3, 0.6]])), 0)
    assert found.min() >= 0 and found.max() <= 1
    assert (np.diff(found) >= 0).all()


@pytest.mark.parametrize("levels", [(0.5, 0.5), (0.5, 0.5 + 1e-9), (-0.1, 1), (0, 1.1), (1, 0), (float("nan"), 1)])
def test_levels_that_cannot_be_are_refused(levels: tuple[float, float]) -> None:
    with pytest.raises(VeraError, match="levels rise from 0 to 1"):
        read_mend({"levels": list(levels)})
