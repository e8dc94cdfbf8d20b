"""The object's centre and the third it lies in."""

import numpy as np
import pytest

from vera.metrics.placement import center, place_hit


def matte(left: int, width: int = 10) -> np.ndarray:
    alpha = np.zeros((2, 30, 90), np.float32)
    alpha[:, 5:15, left : left + width] = 1
    return alpha


def test_the_centre_of_a_rectangle() -> None:
    assert center(matte(20)) == pytest.approx((25 / 90, 10 / 30))
    assert center(matte(20) * 0) is None


@pytest.mark.parametrize(("left", "third"), [(0, "left"), (24, "left"), (26, "center"), (54, "center"), (56, "right")])
def test_the_third_of_the_centre(left: int, third: str) -> None:
    assert {place: place_hit(matte(left), place) for place in ("left", "center", "right")} == {
        place: place == third for place in ("left", "center", "right")
    }


def test_shadows_and_specks_do_not_move_it() -> None:
    alpha = matte(20)
    alpha[:, 14:20, 20:80] = np.maximum(alpha[:, 14:20, 20:80], 0.4)
    alpha[:, 0, 85] = 1
    assert center(alpha) == pytest.approx((25 / 90, 10 / 30))


def test_no_object_is_nowhere() -> None:
    assert not place_hit(matte(20) * 0, "left")
