"""Colours are matched on what agrees, however little of the frame that is."""

import numpy as np
import pytest
from tests.layers.layerize.scenes import SIZE, plate

from vera.layers.layerize.align import initial_map
from vera.layers.layerize.color_match import NEUTRAL, fit_colors, pool
from vera.layers.layerize.footage import FramePair
from vera.layers.layerize.match import Match, apply_match
from vera.layers.layerize.noise import Noise


@pytest.mark.parametrize("others", [0.0, 0.5, 0.8])
def test_gains_among_pixels_that_disagree(others: float) -> None:
    pixels = plate(0, (160, 120)).reshape(-1, 3)
    changed = pixels * np.array([1.03, 0.98, 1.0]) - 0.01
    rng = np.random.default_rng(0)
    wild = rng.random(len(pixels)) < others
    changed[wild] = rng.random((wild.sum(), 3))
    match = fit_colors(pixels, changed.astype(np.float32))
    error = np.abs(match.apply(changed[~wild].astype(np.float32)) - pixels[~wild])
    assert error.mean() < 1 / 255 and np.quantile(error, 0.99) < 2.5 / 255


def test_a_gamma_is_a_curve() -> None:
    pixels = np.random.default_rng(0).random((20000, 3)).astype(np.float32) * 0.8 + 0.1
    match = fit_colors(pixels, pixels**1.08)
    assert np.abs(match.apply(pixels**1.08) - pixels).mean() < 1 / 255


def test_colours_that_no_pixel_shows_change_little() -> None:
    grey = np.repeat(np.random.default_rng(0).random((5000, 1)), 3, axis=1).astype(np.float32)
    match = fit_colors(grey, grey * np.float32(0.98))
    red = np.array([[0.9, 0.1, 0.1]], np.float32)
    assert np.abs(match.apply(red) - red).max() < 0.04


def test_too_few_pixels_change_nothing() -> None:
    few = np.random.default_rng(0).random((50, 3)).astype(np.float32)
    assert fit_colors(few, few * 2) is NEUTRAL
    np.testing.assert_allclose(NEUTRAL.apply(few), few, atol=1e-7)


def test_pool_thins_evenly() -> None:
    ramp = np.arange(3000, dtype=np.float32).reshape(-1, 3)
    source, edited = pool([(ramp, -ramp), (ramp + 3000, -ramp - 3000)], count=200)
    assert len(source) == 200 and np.array_equal(source, -edited) and source[-1, 0] > 5900


@pytest.mark.parametrize("gain", [0.94, 0.97, 1.05])
def test_plain_parts_tell_a_frames_colours_where_little_has_structure(gain: float) -> None:
    wall = np.full((*SIZE[::-1], 3), 0.7, np.float32)
    wall[40:44, 70:74] = plate()[40:44, 70:74]
    pair = FramePair(*(np.rint(255 * picture).astype(np.uint8) for picture in (wall, wall * np.float32(gain))))
    matched = apply_match(Match(initial_map(SIZE, SIZE), NEUTRAL, 0.0, Noise(0.004, 0.1), 1.0), pair)
    assert np.abs(matched.edited - matched.source).mean() < 1 / 255
