"""How much a matte covers, and what of it lies away from the object."""

import numpy as np
import pytest

from vera.metrics.coverage import coverage, leakage, sane_share


def test_sane_frames_cover_neither_nothing_nor_all() -> None:
    alpha = np.zeros((4, 20, 50), np.float32)
    alpha[1, 0, :2] = 1  # 0.2 %
    alpha[2, :10] = 1  # half
    alpha[3, :13] = 1  # 65 %
    assert sane_share(alpha) == pytest.approx(1 / 4)
    assert coverage(alpha) == pytest.approx((2 + 500 + 650) / 4000)


def test_haze_is_no_coverage() -> None:
    assert sane_share(np.full((1, 20, 50), 0.4, np.float32)) == 0


def test_leakage_is_the_mass_far_from_the_largest_part() -> None:
    alpha = np.zeros((1, 100, 200), np.float32)
    alpha[0, 40:60, 20:40] = 1  # 400
    alpha[0, 40:60, 54] = 0.5  # 15 pixels from its edge: near
    alpha[0, 40:50, 180:190] = 1  # 100, far
    assert leakage(alpha) == pytest.approx(100 / (400 + 10 + 100))
    assert leakage(alpha * 0) is None


def test_leakage_of_large_frames_in_half_precision() -> None:
    """Half floats end at 65,504, which the sum of a frame is beyond."""
    alpha = np.zeros((1, 400, 700), np.float16)
    alpha[0, :300, :300] = 1
    alpha[0, :100, -100:] = 1
    assert leakage(alpha) == pytest.approx(0.1)
