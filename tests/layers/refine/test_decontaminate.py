"""Background replacement: the old background leaves the soft edges, and nothing else changes."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vera.layers.refine.decontaminate import decontaminate

SUBJECT, OLD, NEW = (150, 90, 60), (60, 170, 60), (120, 110, 160)


def scene() -> tuple[NDArray[np.uint8], NDArray[np.uint16], NDArray[np.uint8]]:
    """A flat subject with a soft edge before a flat green, and the blue that replaces it."""
    disc = np.zeros((240, 400), np.float32)
    cv2.circle(disc, (200, 120), 70, 1, -1)
    kept = cv2.GaussianBlur(disc, (0, 0), 2)[..., None]
    plate = np.rint(kept * np.array(SUBJECT) + (1 - kept) * np.array(OLD)).astype(np.uint8)
    alpha = np.rint((1 - kept[..., 0]) * 65535).astype(np.uint16)
    return np.full((240, 400, 3), NEW, np.uint8), alpha, plate


def result(edit: NDArray[np.uint8], alpha: NDArray[np.uint16], plate: NDArray[np.uint8]) -> NDArray[np.float64]:
    share = alpha[..., None] / 65535
    return np.asarray(share * edit + (1 - share) * plate)


def test_the_old_background_leaves_the_edge() -> None:
    edit, alpha, plate = scene()
    share = alpha[..., None] / 65535
    truth = share * np.array(NEW) + (1 - share) * np.array(SUBJECT)
    soft = (alpha > 1000) & (alpha < 64535)
    plain = np.abs(result(edit, alpha, plate) - truth)[soft].mean()
    clean = np.abs(result(decontaminate(edit, alpha, plate), alpha, plate) - truth)[soft].mean()
    assert plain > 7 and clean < 0.3 * plain


def test_only_soft_edges_change() -> None:
    edit, alpha, plate = scene()
    changed = (decontaminate(edit, alpha, plate) != edit).any(-1)
    assert changed.any() and not changed[(alpha == 0) | (alpha == 65535)].any()
    assert (edit == NEW).all()


@settings(deadline=None)
@given(st.sampled_from([0, 65535]), st.integers(1, 9), st.integers(1, 9))
def test_a_hard_matte_keeps_the_edit(level: int, width: int, height: int) -> None:
    edit = np.full((height, width, 3), 7, np.uint8)
    alpha = np.full((height, width), level, np.uint16)
    assert decontaminate(edit, alpha, edit) is edit


@settings(deadline=None)
@given(st.integers(1, 65534), st.integers(1, 9), st.integers(1, 9))
def test_one_colour_stays_one_colour(level: int, width: int, height: int) -> None:
    """Where subject and background are alike there is nothing to take out."""
    edit, plate = np.full((height, width, 3), 70, np.uint8), np.full((height, width, 3), 140, np.uint8)
    found = decontaminate(edit, np.full((height, width), level, np.uint16), plate)
    share = level / 65535
    assert np.abs(share * (found.astype(float) - 70)).max() < 1


@pytest.mark.parametrize("depths", [(np.uint8, np.uint16), (np.uint16, np.uint8), (np.uint16, np.uint16)])
def test_depths_agree(depths: tuple[type, type]) -> None:
    edit, alpha, plate = scene()
    one, other = (
        (layer * np.uint32(np.iinfo(depth).max // 255)).astype(depth)
        for layer, depth in zip((edit, plate), depths, strict=True)
    )
    found = decontaminate(one, alpha, other)
    scale = np.iinfo(depths[0]).max / 255
    assert found.dtype == depths[0]
    difference = np.abs(found / scale - decontaminate(edit, alpha, plate)) * (alpha[..., None] / 65535)
    assert difference.max() < 1  # code of the result
