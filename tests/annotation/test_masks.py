"""How far answers are the same: objects find their counterparts, whatever their order."""

import numpy as np
import pytest

from vera.annotation.masks import best_overlap, clip_overlap


def square(left: int, frames: int = 2) -> np.ndarray:
    mask = np.zeros((frames, 10, 40), bool)
    mask[:, :, left : left + 10] = True
    return mask


def test_objects_are_compared_with_their_counterparts() -> None:
    assert best_overlap([square(0), square(20)], [square(20), square(0)]) == 1
    assert best_overlap([square(0)], [square(0), square(20)]) == 0.5
    assert best_overlap([square(0)], [square(5)]) == pytest.approx(1 / 3)
    assert best_overlap([square(0)], [square(20)]) == 0


def test_frames_in_which_neither_shows_anything_say_nothing() -> None:
    one, other = square(0, 4), square(0, 4)
    one[2:] = other[2:] = False
    assert clip_overlap(one, other) == 1
    other[1] = False
    assert clip_overlap(one, other) == 0.5
    assert clip_overlap(one & False, other & False) == 1
