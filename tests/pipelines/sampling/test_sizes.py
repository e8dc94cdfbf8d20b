"""The size at which the model works."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vera import VeraError
from vera.pipelines.sampling.sizes import check_size, model_size


@given(st.integers(16, 8192), st.integers(16, 8192), st.sampled_from([8, 16]), st.sampled_from([36_864, 399_360]))
def test_shape_and_area_are_near(width: int, height: int, stride: int, pixels: int) -> None:
    got_w, got_h = model_size((width, height), Fraction(1), (stride, stride), pixels)
    assert got_w % stride == got_h % stride == 0
    assert got_w * got_h >= pixels
    if 1 / 4 <= width / height <= 4:
        assert got_w * got_h <= 1.25 * pixels
        assert 0.8 < (got_w / got_h) / (width / height) < 1.25


def test_known_sizes() -> None:
    assert model_size((640, 272), Fraction(1), (16, 16), 36_864) == (304, 128)
    assert model_size((1920, 1080), Fraction(1), (16, 16), 36_864) == (256, 144)
    assert model_size((1080, 1920), Fraction(1), (16, 16), 36_864) == (144, 256)
    assert model_size((1440, 1080), Fraction(4, 3), (16, 16), 36_864) == (256, 144)
    assert model_size((854, 480), Fraction(1), (16, 16), 480 * 832) == (832, 480)


def test_sizes_off_the_strides() -> None:
    check_size((48, 16), (16, 16))
    for size, nearest in (((50, 16), "48x16"), ((48, 30), "48x32"), ((0, 3), "16x16"), ((-16, 16), "16x16")):
        with pytest.raises(VeraError, match=nearest):
            check_size(size, (16, 16))
