"""COCO's run lengths: there and back exactly, and against counts that pycocotools wrote."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from vera.construction.formats.rle import decode_mask, encode_mask, from_runs, run_lengths
from vera.errors import VeraError

MASKS = st.tuples(st.integers(1, 40), st.integers(1, 40)).flatmap(lambda shape: arrays(np.bool_, shape))


@given(MASKS)
def test_masks_come_back_exactly(mask: np.ndarray) -> None:
    assert np.array_equal(decode_mask(encode_mask(mask), mask.shape), mask)
    assert np.array_equal(from_runs(run_lengths(mask.ravel())), mask.ravel())


@given(st.integers(1, 2000), st.integers(1, 2000), st.data())
def test_large_masks_of_few_runs_come_back_exactly(height: int, width: int, data: st.DataObject) -> None:
    mask = np.zeros((height, width), bool)
    top, left = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    mask[top:, left:] = True
    assert np.array_equal(decode_mask(encode_mask(mask), mask.shape), mask)


def test_counts_go_down_the_columns_and_are_differences_from_the_fourth_on() -> None:
    mask = np.array([[0, 1, 0], [0, 1, 1], [1, 0, 1]], bool)
    assert run_lengths(mask.ravel(order="F")) == [2, 3, 2, 2]
    # 2, 3, 2, and 2 - 3 = -1: five bits 11111, which is "O" as its sign bit says that no more follow.
    assert encode_mask(mask) == "232O"
    assert encode_mask(np.zeros((25, 40), bool)) == "Xo0"  # 1000 is 01000 and more, 11111 and more (a sign), 00000


@pytest.mark.parametrize("counts", ["", "4", "1O", "~", "o", "o" * 20, "\u00ff", "9O"])
def test_what_is_no_mask_is_told(counts: str) -> None:
    with pytest.raises(VeraError, match="a mask's counts"):
        decode_mask(counts, (3, 3))
