"""The noise of a codec, and how soft an editor draws, from pairs where both are known."""

import cv2
import numpy as np
import pytest
from tests.layers.layerize.scenes import plate

from vera.layers.layerize.align import grey
from vera.layers.layerize.difference import find_changes
from vera.layers.layerize.noise import UNKNOWN, Noise, fit_noise, fit_softness, slope_of, smoothed_difference


def test_noise_that_grows_with_the_slope() -> None:
    rng = np.random.default_rng(0)
    slope = slope_of(grey(plate(0, (160, 120)))).ravel()
    true = Noise(1.5 / 255, 0.2)
    found = fit_noise([(slope, (rng.normal(0, 1, (slope.size, 3)) * true.level(slope)[:, None]).astype(np.float32))])
    assert found.flat == pytest.approx(true.flat, rel=0.25) and found.steep == pytest.approx(true.steep, rel=0.15)


def test_a_few_edited_pixels_count_little() -> None:
    rng = np.random.default_rng(0)
    difference = rng.normal(0, 0.01, (20000, 3)).astype(np.float32)
    difference[:2000] = 0.3
    found = fit_noise([(np.zeros(20000, np.float32), difference)])
    assert found.flat == pytest.approx(0.01, rel=0.2) and found.steep == 0


def test_noise_without_evidence() -> None:
    assert fit_noise([(np.zeros(5, np.float32), np.zeros((5, 3), np.float32))]) == Noise(*UNKNOWN)


@pytest.mark.parametrize("sigma", [0.0, 0.8, 1.6, 3.2, 5.0])
def test_softness(sigma: float) -> None:
    source = grey(plate(0))
    soft = cv2.GaussianBlur(source, (0, 0), sigma) if sigma else source
    noisy = soft + np.random.default_rng(0).normal(0, 0.005, source.shape).astype(np.float32)
    assert fit_softness([(source, noisy, np.ones(source.shape, bool))]) == sigma


def changes(difference: np.ndarray, **options: np.ndarray) -> np.ndarray:
    return find_changes(difference.astype(np.float32), np.full(difference.shape[:2], 0.01, np.float32), **options)


def test_noise_is_no_change() -> None:
    noise = np.random.default_rng(0).normal(0, 0.02, (96, 160, 3)).astype(np.float32)
    assert not changes(smoothed_difference(np.zeros_like(noise), noise)).any()


def test_changes_are_whole_parts_that_are_certain() -> None:
    difference = np.zeros((96, 160, 3))
    difference[20:60, 20:60] = 0.05  # possible all over
    difference[30:50, 30:50] = 0.2  # and certain in the middle
    difference[38:40, 38:40] = 0  # where it happens to look like the source
    difference[70:90, 100:140] = 0.05  # possible only
    difference[5:7, 100:102] = 0.5  # too small
    found = changes(difference)
    assert found[20:60, 20:60].all() and found.sum() == 1600


def test_nothing_changes_within_the_mask() -> None:
    kept = np.zeros((96, 160), bool)
    kept[:, :80] = True
    found = changes(np.full((96, 160, 3), 0.3), kept=kept)
    assert not found[:, :76].any() and found[:, 80:].all()
