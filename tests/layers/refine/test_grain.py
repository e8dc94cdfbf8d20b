"""Grain: what is measured is what was there, and what is added is what was measured."""

import json
from dataclasses import asdict

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from vera.layers.refine.grain import LEVELS, Grain, add_grain, measure_grain

MIDDLES = (np.arange(LEVELS) + 0.5) / LEVELS


def footage(seed: int = 0, correlated: bool = False) -> NDArray[np.uint16]:
    """Ramps from dark to bright with noise whose deviation is 0.004 + 0.012 * level, red's twice that; some texture."""
    rng = np.random.default_rng(seed)
    level = np.tile(np.linspace(0.04, 0.96, 768, dtype=np.float32), (256, 1))
    noise = rng.standard_normal((256, 768, 3)).astype(np.float32)
    if correlated:
        noise = cv2.GaussianBlur(noise, (3, 1), 0.6)
        noise /= noise.std()
        noise[..., 2] = 0.8 * noise[..., 1] + 0.6 * noise[..., 2]
    picture = level[..., None] + noise * (0.004 + 0.012 * level[..., None]) * np.array([2, 1, 1], np.float32)
    picture[100:140] += 0.1 * np.sin(np.arange(768) / 2)[:, None]  # texture, to be passed over
    return np.rint(picture.clip(0.001, 0.999) * 65535).astype(np.uint16)


def test_deviation_is_found_by_channel_and_level() -> None:
    grain = measure_grain([footage(seed) for seed in range(3)])
    for channel, factor in enumerate((2, 1, 1)):
        truth = factor * (0.004 + 0.012 * MIDDLES)
        assert np.abs(np.array(grain.deviation[channel]) / truth - 1)[1:-1].max() < 0.1
    assert grain.across < 0.05 and grain.down < 0.05
    assert abs(grain.correlation[0][1]) < 0.05


def test_correlation_is_found() -> None:
    grain = measure_grain([footage(correlated=True)])
    assert 0.3 < grain.across < 0.5 and grain.down < 0.05
    assert abs(grain.correlation[1][2] - 0.8) < 0.05


@pytest.mark.parametrize("correlated", [False, True])
def test_added_grain_measures_as_the_source_does(correlated: bool) -> None:
    grain = measure_grain([footage(seed, correlated) for seed in range(3)])
    clean = np.repeat(np.tile(np.linspace(0.04, 0.96, 768), (256, 1))[..., None], 3, -1)
    edit, alpha = np.rint(clean * 255).astype(np.uint8), np.full(clean.shape[:2], 65535, np.uint16)
    again = measure_grain([add_grain(edit, alpha, grain, 1, index) for index in range(3)])
    ratio = np.array(again.deviation) / np.array(grain.deviation)
    assert np.abs(ratio - 1)[:, 1:-1].max() < 0.1
    assert abs(again.across - grain.across) < 0.06 and abs(again.down - grain.down) < 0.06
    assert np.abs(np.array(again.correlation) - np.array(grain.correlation)).max() < 0.06


FLAT = Grain(((0.01,) * LEVELS,) * 3, ((1, 0, 0), (0, 1, 0), (0, 0, 1)), 0.0, 0.0)


def test_half_coverage_deviates_as_the_source() -> None:
    alpha = np.full((200, 200), 32768, np.uint16)
    edit = np.full((200, 200, 3), 128, np.uint8)
    share = alpha[..., None] / 65535
    source = 0.4 + np.random.default_rng(5).normal(0, 0.01, edit.shape)
    result = share * add_grain(edit, alpha, FLAT, 0, 0) / 65535 + (1 - share) * source
    assert abs(result.std() / 0.01 - 1) < 0.03


def test_it_is_a_function_of_seed_and_frame_and_frames_are_independent() -> None:
    alpha, edit = np.full((64, 64), 65535, np.uint16), np.full((64, 64, 3), 128, np.uint8)
    one = add_grain(edit, alpha, FLAT, 3, 7)
    assert np.array_equal(one, add_grain(edit, alpha, FLAT, 3, 7))
    for seed, index in ((3, 8), (4, 7)):
        other = add_grain(edit, alpha, FLAT, seed, index)
        assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.04


def test_nothing_is_added_where_nothing_is_covered() -> None:
    alpha = np.zeros((32, 48), np.uint16)
    edit = np.full((32, 48, 3), 60, np.uint8)
    assert (add_grain(edit, alpha, FLAT, 0, 0) == 60 * 257).all()
    alpha[4, 5] = alpha[20, 30] = 900
    found = add_grain(edit, alpha, FLAT, 0, 0)
    assert (found[alpha == 0] == 60 * 257).all() and (found[alpha > 0] != 60 * 257).any()


def test_a_clean_or_tiny_source_has_no_grain() -> None:
    for frame in (np.full((64, 64, 3), 90, np.uint8), np.zeros((64, 64, 3), np.uint8), np.ones((5, 5, 3), np.uint8)):
        grain = measure_grain([frame])
        assert np.max(grain.deviation) < 1e-6
        edit = np.full((8, 8, 3), 40, np.uint8)
        assert (add_grain(edit, np.full((8, 8), 65535, np.uint16), grain, 0, 0) == 40 * 257).all()


def test_it_survives_the_manifest() -> None:
    grain = measure_grain([footage()])
    assert Grain.from_json(json.loads(json.dumps(asdict(grain)))) == grain
