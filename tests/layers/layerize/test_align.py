"""The map between two clips is found whatever was edited, from what was not."""

import cv2
import numpy as np
import pytest
from tests.layers.layerize.scenes import disc, over, plate

from vera.layers.layerize.align import GreyPair, find_map, find_shift, grey, initial_map, shifted, warp
from vera.layers.layerize.structure import agreement, plain_agrees
from vera.layers.layerize.votes import vote

SIZE = (256, 160)


def pairs(matrix: np.ndarray, size: tuple[int, int] = SIZE, covered: float = 0.0) -> list[GreyPair]:
    """Frames whose edited picture lies by `matrix`, darker by a tenth, and covered by something else in a disc."""
    found = []
    for t in range(3):
        source = plate(1, SIZE, t)
        edit = plate(2 + t, SIZE)
        alpha = disc(SIZE, 150, 90, (covered * SIZE[0] * SIZE[1] / np.pi) ** 0.5)
        edited = cv2.warpAffine(
            over(source, edit, alpha), matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )
        found.append(GreyPair(grey(source), grey(edited) * np.float32(0.9)))
    return found


def farthest(one: np.ndarray, other: np.ndarray) -> float:
    """How far apart two maps put any corner of the source."""
    corners = np.array([[0, 0, 1], [SIZE[0], 0, 1], [0, SIZE[1], 1], [*SIZE, 1]])
    return float(np.abs((one - other) @ corners.T).max())


@pytest.mark.parametrize("covered", [0.0, 0.3, 0.75])
def test_a_shift_of_part_of_a_pixel(covered: float) -> None:
    matrix = shifted(initial_map(SIZE, SIZE), (0.6, -0.8))
    assert farthest(find_map(pairs(matrix, covered=covered)), matrix) < 0.1


def test_another_size_and_a_crop() -> None:
    size = (208, 128)
    matrix = initial_map(SIZE, size)
    matrix[0] *= 1.03
    matrix[0, 2] -= 4
    assert farthest(find_map(pairs(matrix, size, covered=0.2)), matrix) < 0.15


def test_the_mask_decides_what_must_lie_still() -> None:
    # Two things have moved, and only the lesser part is what the mask keeps.
    still, moved = shifted(initial_map(SIZE, SIZE), (0.5, 0.5)), shifted(initial_map(SIZE, SIZE), (-3, 2))
    kept = np.zeros(SIZE[::-1], bool)
    kept[:, :90] = True
    both = []
    for one, other in zip(pairs(still), pairs(moved), strict=True):
        both.append(GreyPair(one.source, np.where(kept, one.edited, other.edited), kept))
    assert farthest(find_map(both), still) < 0.2


def test_one_frame_beside_the_rest() -> None:
    matrix = shifted(initial_map(SIZE, SIZE), (0.6, -0.8))
    x, y = find_shift(pairs(matrix, covered=0.2)[0], initial_map(SIZE, SIZE))
    assert (x, y) == pytest.approx((0.6, -0.8), abs=0.05)


def test_warp_undoes_the_map() -> None:
    picture = cv2.GaussianBlur(plate(3, SIZE), (0, 0), 2)
    matrix = shifted(initial_map(SIZE, SIZE), (2, 3))
    np.testing.assert_allclose(warp(picture, matrix, SIZE)[8:-8, 8:-8], picture[11:-5, 10:-6], atol=1e-5)


def test_votes_leave_the_pictures_as_they_are() -> None:
    one, other = grey(plate(1, SIZE)), grey(plate(1, SIZE, 1))
    before = one.copy(), other.copy()
    still, _ = vote([(one, other)])
    assert np.array_equal(one, before[0]) and np.array_equal(other, before[1])
    assert still[:, 2] == pytest.approx((-2, 0), abs=0.8)


def test_nothing_to_align_by() -> None:
    flat = np.full((96, 160), 0.5, np.float32)
    np.testing.assert_array_equal(find_map([GreyPair(flat, flat)]), initial_map((160, 96), (160, 96)))


def test_agreement_tells_an_edit_from_another_clip() -> None:
    source = plate(1, SIZE)
    edited = over(source, plate(2, SIZE), disc(SIZE, 128, 80, 80))
    assert agreement(grey(source), grey(edited)) > 0.2
    assert agreement(grey(source), grey(plate(9, SIZE))) < 0.03
    kept = disc(SIZE, 128, 80, 80) == 0
    assert agreement(grey(source), grey(edited), kept) > 0.75


def test_plain_parts_agree_if_they_are_about_as_bright() -> None:
    wall = np.full(SIZE[::-1], 0.6, np.float32)
    textured = grey(plate(1, SIZE))
    assert plain_agrees(wall, wall * np.float32(0.95)).all()
    assert not plain_agrees(wall, wall - np.float32(0.2)).any()
    assert not plain_agrees(textured, textured).any() and not plain_agrees(wall, textured).any()
