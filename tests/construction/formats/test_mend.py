"""Parts, levels and strokes of a person over a matte."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy import ndimage

from vera.arrays import Float
from vera.construction.formats.mend import LEAST, NOTHING, SEEN, Mend, parts_gone, read_mend
from vera.errors import VeraError

RAMP = np.linspace(0, 1, 101, dtype=np.float32)[None]


def test_levels_are_straight_between_their_ends() -> None:
    found = Mend(levels=(0.25, 0.75)).apply(RAMP, 0)
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
            Mend(levels=(low, high))
        return
    found = Mend(levels=(low, high)).apply(np.sort(np.float32([[alpha, 0.3, 0.6]])), 0)
    assert found.min() >= 0 and found.max() <= 1
    assert (np.diff(found) >= 0).all()


@pytest.mark.parametrize("levels", [(0.5, 0.5), (0.5, 0.5 + 1e-9), (-0.1, 1), (0, 1.1), (1, 0), (float("nan"), 1)])
def test_levels_that_cannot_be_are_refused(levels: tuple[float, float]) -> None:
    with pytest.raises(VeraError, match="levels rise from 0 to 1"):
        read_mend({"levels": list(levels)})


def two_balls() -> Float:
    """A ball that moves to the right and a small one that stands still: 6 frames of 60x40, soft at their edges."""
    y, x = np.indices((40, 60))
    return np.stack(
        [
            np.clip(6 - np.hypot(x - 15 - 2 * t, y - 20), 0, 1) + np.clip(3 - np.hypot(x - 50, y - 8), 0, 1)
            for t in range(6)
        ]
    ).astype(np.float32)


def test_a_part_goes_in_all_frames_with_its_fringe_and_comes_back() -> None:
    matte = two_balls()
    faint = np.maximum(matte, np.float32(SEEN / 2) * (np.indices((40, 60))[1] > 44))
    gone = parts_gone(faint, [(3, 50, 8)])
    mend = read_mend({"parts": [[3, 50, 8]]})
    found = np.stack([mend.apply(alpha, t, gone[t]) for t, alpha in enumerate(faint)])
    assert (found[:, 3:14, 45:56] == 0).all()
    assert (found[:, 10:30, :45] == faint[:, 10:30, :45]).all()
    assert not parts_gone(faint, [(3, 50, 8), (0, 51, 8)]).any()
    assert not parts_gone(faint, [(0, 2, 2)]).any()  # nothing is there
    assert parts_gone(matte, [(0, 15, 20), (0, 50, 8)])[matte > SEEN].all()


def test_what_touches_in_one_frame_is_one_part() -> None:
    matte = two_balls()
    matte[5, 20, 30:51] = 1  # a bridge, at the end
    matte[5, 8:21, 50] = 1
    assert parts_gone(matte, [(0, 50, 8)])[matte > SEEN].all()


@pytest.mark.parametrize("part", [(6, 1, 1), (0, 60, 1), (0, 1, 40), (-1, 1, 1), (0, -1, 1)])
def test_parts_beside_the_clip_are_refused(part: tuple[int, int, int]) -> None:
    with pytest.raises(VeraError, match=f"no point {part[1]}, {part[2]} in frame {part[0]}"):
        parts_gone(two_balls(), [part])


def test_parts_without_end_are_refused() -> None:
    with pytest.raises(VeraError, match="500 parts are the most"):
        read_mend({"parts": [[0, 0, 0]] * 501})


@given(
    arrays(np.bool_, (4, 6, 7), elements=st.booleans()),
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 6), st.integers(0, 5)), max_size=4),
)
def test_parts_are_those_of_scipy(seen: NDArray[np.bool_], parts: list[tuple[int, int, int]]) -> None:
    structure = np.ones((3, 3, 3))
    structure[[0, 2]] = [[0, 0, 0], [0, 1, 0], [0, 0, 0]]  # corners count within a frame, not between two
    labels, _ = ndimage.label(seen, structure)
    points = Counter(labels[t, y, x] for t, x, y in parts)
    away = np.isin(labels, [label for label, count in points.items() if label and count % 2])
    assert (parts_gone(seen.astype(np.float32), parts)[seen] == away[seen]).all()
