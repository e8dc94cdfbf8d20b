"""Code values: rounding, and the mean over boxes at odd sizes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vera.layers.export.samples import halve, rescale


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("top", [255, 1023, 4095, 65535])
def test_rescale_rounds_to_nearest(dtype: type, top: int) -> None:
    codes = np.arange(np.iinfo(dtype).max + 1).astype(dtype)
    exact = codes.astype(np.float64) * top / np.iinfo(dtype).max
    assert np.abs(rescale(codes, top) - exact).max() <= 0.5
    assert (rescale(codes, top)[0], rescale(codes, top)[-1]) == (0, top)


def test_eight_bits_survive_sixteen() -> None:
    codes = np.arange(256, dtype=np.uint8)
    assert np.array_equal(rescale(rescale(codes, 65535), 255), codes)


@given(st.integers(1, 9), st.integers(1, 9))
def test_halve_is_the_mean_of_four(height: int, width: int) -> None:
    plane = np.random.default_rng(0).random((height, width)).astype(np.float32)
    padded = np.pad(plane, ((0, height % 2), (0, width % 2)), mode="edge")
    boxes = padded.reshape(padded.shape[0] // 2, 2, padded.shape[1] // 2, 2)
    assert np.allclose(halve(plane), boxes.mean((1, 3)), atol=1e-6)
