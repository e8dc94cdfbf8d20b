"""Alpha and colours of single frames whose layers are known."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.layers.layerize.scenes import SIZE, disc, over, plate

from vera.layers.layerize.difference import find_changes
from vera.layers.layerize.noise import smoothed_difference
from vera.layers.layerize.steady import Unmixed, steady
from vera.layers.layerize.unmix import Layers, straight_colors, unmix

LEVEL = np.full(SIZE[::-1], 1 / 255, np.float32)


def recover(source: np.ndarray, edited: np.ndarray) -> Layers:
    return unmix(source, edited, find_changes(smoothed_difference(source, edited), LEVEL), LEVEL)


def flat(color: tuple[float, float, float]) -> np.ndarray:
    return np.broadcast_to(np.array(color, np.float32), (*SIZE[::-1], 3))


def test_a_solid_object_and_its_soft_edge() -> None:
    alpha = disc(SIZE, 80, 48, 25, 3)
    found = recover(plate(), over(plate(), flat((0.9, 0.1, 0.1)), alpha))
    assert np.abs(found.alpha - alpha).mean() < 0.004
    assert (found.alpha[alpha == 1] == 1).mean() > 0.98 and (found.alpha[alpha == 0] > 1 / 512).mean() < 0.01


def test_an_object_with_texture_of_its_own_is_solid() -> None:
    alpha = disc(SIZE, 80, 48, 25)
    found = recover(plate(), over(plate(), plate(5) * 0.8, alpha))
    assert np.abs(found.alpha - alpha).mean() < 0.01


@pytest.mark.parametrize("strength", [0.25, 0.5])
def test_a_shadow_is_black_and_thin(strength: float) -> None:
    alpha = strength * disc(SIZE, 80, 48, 30, 16)
    found = recover(plate(), over(plate(), flat((0, 0, 0)), alpha))
    assert np.abs(found.alpha - alpha).mean() < 0.01
    assert found.edit[alpha > 0.9 * strength].max() < 0.02


def test_a_shadow_on_plain_ground() -> None:
    wall = np.broadcast_to(np.array([0.8, 0.75, 0.7], np.float32), (*SIZE[::-1], 3)).copy()
    alpha = 0.4 * disc(SIZE, 80, 48, 30, 16)
    found = recover(wall, over(wall, flat((0, 0, 0)), alpha))
    assert np.abs(found.alpha - alpha).mean() < 0.01


def test_smoke_lets_the_source_through() -> None:
    alpha = 0.5 * disc(SIZE, 80, 48, 34, 24)
    found = recover(plate(), over(plate(), flat((0.8, 0.8, 0.85)), alpha))
    assert np.abs(found.alpha - alpha).mean() < 0.03
    assert np.abs(found.edit[alpha > 0.4] - (0.8, 0.8, 0.85)).mean() < 0.1


@pytest.mark.parametrize("gains", [(0.4, 0.9, 1.2), (1.3, 0.8, 0.6)])
@pytest.mark.parametrize("seed", [0, 2, 3])
def test_a_recoloured_thing_is_solid_though_its_texture_is_kept(seed: int, gains: tuple[float, float, float]) -> None:
    alpha = disc(SIZE, 80, 48, 30)
    recoloured = (plate(seed) * np.float32(gains)).clip(0, 1)
    found = recover(plate(seed), over(plate(seed), recoloured, alpha))
    assert np.abs(found.alpha - alpha).mean() < 0.03


def test_smoke_over_plain_ground_among_textured() -> None:
    window = disc(SIZE, 80, 48, 10, 4)
    source = over(plate(), flat((0.05, 0.05, 0.05)), window)
    alpha = 0.5 * disc(SIZE, 80, 48, 40, 24)
    found = recover(source, over(source, flat((0.8, 0.8, 0.85)), alpha))
    assert np.abs(found.alpha - alpha)[window == 1].max() < 0.15


def test_a_solid_thing_on_plain_ground_among_smoke_stays_solid() -> None:
    window, ball = disc(SIZE, 80, 48, 16, 4), disc(SIZE, 80, 48, 9)
    source = over(plate(), flat((0.05, 0.05, 0.05)), window)
    smoke = over(source, flat((0.8, 0.8, 0.85)), 0.5 * disc(SIZE, 80, 48, 40, 24))
    found = recover(source, over(smoke, flat((0.9, 0.2, 0.1)), ball))
    assert found.alpha[cv2.erode(ball, np.ones((7, 7))) == 1].min() > 0.9


def test_thin_lines_keep_their_width() -> None:
    alpha = np.zeros(SIZE[::-1], np.uint8)
    for y in range(16, 90, 16):
        cv2.line(alpha, (20, y), (140, y + 5), 255, 2, cv2.LINE_AA)
    truth = alpha / np.float32(255)
    found = recover(plate(), over(plate(), flat((1, 1, 1)), truth))
    assert found.alpha.mean() == pytest.approx(truth.mean(), rel=0.15)


def test_nothing_changed() -> None:
    found = recover(plate(), plate())
    assert not found.alpha.any()


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 40), st.integers(2, 40), st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_any_picture_gives_layers_that_reproduce_it(width: int, height: int, seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    source, edited = rng.random((2, height, width, 3)).astype(np.float32)
    inside = rng.random((height, width)) < share
    level = np.full((height, width), 0.004, np.float32)
    found = unmix(source, edited, inside, level)
    edit = straight_colors(source, edited, found, level)
    for values in (*found, edit):
        assert np.isfinite(values).all() and values.min() >= 0 and values.max() <= 1
    assert not found.alpha[cv2.dilate(inside.view(np.uint8), np.ones((5, 5))) == 0].any()
    solid = found.alpha == 1
    np.testing.assert_allclose(edit[solid], edited[solid], atol=1e-5)


def test_layers_over_the_source_are_the_edited_picture() -> None:
    alpha = disc(SIZE, 80, 48, 25, 8)
    edited = over(plate(), plate(5), alpha)
    found = recover(plate(), edited)
    edit = straight_colors(plate(), edited, found, LEVEL)
    error = np.abs(over(plate(), edit, found.alpha) - edited)[cv2.erode(alpha, np.ones((3, 3))) > 0.3]
    assert np.median(error) < 1 / 255 and np.quantile(error, 0.95) < 6 / 255


def frames(alphas: list[np.ndarray], move: float = 0.0) -> list[Unmixed]:
    return [
        Unmixed(picture, picture, LEVEL, Layers(alpha, np.zeros((*alpha.shape, 3))), (picture, picture))
        for picture, alpha in ((plate(0, SIZE, move * t), alpha) for t, alpha in enumerate(alphas))
    ]


@pytest.mark.parametrize("count", [1, 2, 3, 6])
def test_all_frames_come_back_in_order(count: int) -> None:
    alphas = [np.full(SIZE[::-1], t / 10, np.float32) for t in range(count)]
    found = list(steady(frames(alphas, move=8)))
    assert [round(float(frame.layers.alpha.mean()), 2) for frame in found] == [t / 10 for t in range(count)]


def test_what_stands_still_is_steadied() -> None:
    rng = np.random.default_rng(0)
    alphas = [(0.5 + rng.normal(0, 0.1, SIZE[::-1])).astype(np.float32) for _ in range(5)]
    found = list(steady(frames(alphas)))
    assert found[2].layers.alpha.std() == pytest.approx(0.1 / 3**0.5, rel=0.1)
    np.testing.assert_allclose(found[2].layers.alpha, np.mean(alphas[1:4], axis=0), atol=1e-3)


def test_a_white_ball_on_white_with_its_matte() -> None:
    source = np.full((*SIZE[::-1], 3), 0.95, np.float32)
    ball = disc(SIZE, 80, 48, 25)
    shade = 1 - 0.4 * np.clip(1 - disc(SIZE, 74, 42, 25, 20), 0, 1)  # its lit side is as white as the ground
    edited = over(source, source * shade[..., None], ball)
    inside = find_changes(smoothed_difference(source, edited), LEVEL)
    alone, known = (unmix(source, edited, inside, LEVEL, matte=matte) for matte in (None, ball))
    assert np.abs(alone.alpha - ball).mean() > 5 * np.abs(known.alpha - ball).mean()
    assert np.all(known.alpha >= ball)
    edit = straight_colors(source, edited, known, LEVEL)
    assert np.abs(over(source, edit, known.alpha) - edited).max() < 6 / 255
