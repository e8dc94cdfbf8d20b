"""A result against its layers, and against the truth near the matte's outline."""

import numpy as np
import pytest

from vera.metrics.compositing import compositing_residual, edge_band, edge_band_error


def layers() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    source, edit = random.integers(0, 256, (2, 2, 40, 60, 3), np.uint8)
    return source, edit, random.random((2, 40, 60)).astype(np.float32)


def test_a_result_of_its_layers_has_no_residual() -> None:
    source, edit, alpha = layers()
    weight = alpha[..., None].astype(np.float64)
    result = np.rint(weight * edit + (1 - weight) * source).astype(np.uint8)
    assert compositing_residual(result, edit, alpha, source) == pytest.approx(0, abs=1e-4)  # halves may round apart
    assert compositing_residual(result ^ 1, edit, alpha, source) == pytest.approx(1, abs=1e-4)
    assert compositing_residual(source, edit, alpha * 0, source) == 0
    assert compositing_residual(edit, edit, alpha * 0 + 1, source) == 0


def test_the_band_lies_around_the_outline_of_what_is_solid() -> None:
    alpha = np.zeros((300, 300), np.float32)
    alpha[100:200, 100:200] = 1
    alpha[20:60, 20:280] = 0.4  # a shadow
    band = edge_band(alpha)
    expected = np.zeros(band.shape, bool)
    expected[97:203, 97:203] = True  # three pixels of 300 each way
    expected[103:197, 103:197] = False
    assert (band == expected).all()


def test_only_the_band_counts() -> None:
    truth = np.full((2, 100, 100, 3), 90, np.uint8)
    alpha = np.zeros((2, 100, 100), np.float32)
    alpha[0, 40:60, 40:60] = 1
    result = np.zeros_like(truth)
    result[0][edge_band(alpha[0])] = 97
    assert edge_band_error(result, truth, alpha) == pytest.approx(7)
    assert edge_band_error(result, truth, alpha * 0) is None
    assert edge_band_error(result, truth, alpha * 0 + 1) is None
