"""The alpha floor, colours past the matte, and up-sampling."""

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vera.layers import extend_colors, floor_alpha, refine_layer
from vera.layers.layer_frame import FULL, LayerFrame, to_float
from vera.layers.refine.floor import fit_layer


@given(st.integers(0, FULL))
def test_floor_is_a_512th(value: int) -> None:
    floored = int(floor_alpha(np.array([value], np.uint16))[0])
    assert floored == (0 if value / FULL < 1 / 512 else value)


@given(st.floats(0, 1, width=32))
def test_floats_are_floored_as_their_codes_are(value: float) -> None:
    alpha = np.array([[value]], np.float32)
    codes = np.rint(alpha * np.float32(FULL)).astype(np.uint16)
    assert np.array_equal(np.rint(floor_alpha(alpha) * np.float32(FULL)), floor_alpha(codes))


def test_haze_becomes_exactly_nothing_without_a_step() -> None:
    decoded = np.linspace(0, 1, 100 * 255 + 1, dtype=np.float32)[None]
    alpha = refine_layer(np.full((*decoded.shape, 3), 0.5, np.float32), decoded).alpha
    haze, own = decoded < 2 / 255, decoded > 4 / 255
    assert not alpha[haze].any()
    assert np.array_equal(alpha[own], decoded[own])
    assert (np.diff(alpha[0]) >= 0).all() and np.diff(alpha[0]).max() <= 1 / 512 + 1e-4  # the floor's own step


def test_a_flat_colour_is_continued_everywhere() -> None:
    alpha = np.zeros((33, 47), np.float32)
    alpha[10:14, 20:26] = 1
    color = np.array([0.9, 0.2, 0.4], np.float32)
    extended = extend_colors(alpha[..., None] * color, alpha)
    assert np.abs(extended - color).max() < 1e-4


def test_covered_pixels_keep_their_colour() -> None:
    rng = np.random.default_rng(0)
    alpha = np.zeros((24, 24), np.float32)
    alpha[6:18, 6:18] = 1
    colors = rng.random((24, 24, 3)).astype(np.float32)
    extended = extend_colors(colors * alpha[..., None], alpha)
    assert np.abs(extended - colors)[alpha == 1].max() < 1e-6


def test_the_nearer_of_two_colours_prevails() -> None:
    alpha = np.zeros((16, 64), np.float32)
    alpha[:, 8] = alpha[:, 55] = 1
    colors = np.zeros((16, 64, 3), np.float32)
    colors[:, :32, 0], colors[:, 32:, 2] = 1, 1
    extended = extend_colors(colors * alpha[..., None], alpha)
    assert (extended[:, 4, 0] > extended[:, 4, 2]).all() and (extended[:, 60, 2] > extended[:, 60, 0]).all()
    assert extended[:, 8, 0].min() > 0.99 and extended[:, 55, 2].min() > 0.99


def test_no_coverage_gives_zeros_and_no_warning() -> None:
    assert not extend_colors(np.zeros((9, 5, 3), np.float32), np.zeros((9, 5), np.float32)).any()


def test_the_fill_of_the_network_does_not_reach_the_edge() -> None:
    """White where alpha is 0, as a network may paint it, must not fringe a red object."""
    alpha = np.zeros((1, 32, 32), np.float32)
    alpha[:, 8:24, 8:24] = 1
    alpha[:, 7], alpha[:, 24] = 0, 0
    edit = np.ones((1, 32, 32, 3), np.float32)
    edit[:, 8:24, 8:24] = (0.8, 0.1, 0.1)
    bigger, coverage = fit_layer(refine_layer(edit[0], alpha[0]).codes(), (96, 96))
    assert bigger[coverage > 0][:, 1].max() < 40


def test_a_shadow_keeps_its_colour_beside_what_casts_it() -> None:
    alpha = np.zeros((1, 64, 64), np.float32)
    alpha[:, 8:40, 16:48], alpha[:, 44:52, 16:48] = 1, 0.35
    edit = np.zeros((1, 64, 64, 3), np.float32)
    edit[:, :42] = (0.9, 0.1, 0.1)
    colors = refine_layer(edit[0], alpha[0]).codes().edit
    assert colors[44:52, 16:48].max() <= 1


@given(st.integers(1, 40), st.integers(1, 40))
def test_up_sampling_keeps_constants_and_the_exact_zero(width: int, height: int) -> None:
    edit, alpha = np.full((6, 7, 3), 77, np.uint8), np.full((6, 7), FULL, np.uint16)
    fitted, coverage = fit_layer(LayerFrame(edit, alpha), (width, height))
    assert fitted.shape == (height, width, 3) and (fitted == 77).all() and (to_float(coverage) == 1).all()
    _, nothing = fit_layer(LayerFrame(edit, np.zeros_like(alpha)), (width, height))
    assert not nothing.any()


def test_up_sampled_mattes_end_near_where_they_ended() -> None:
    alpha = np.zeros((32, 32), np.uint16)
    alpha[:, :16] = FULL
    _, fitted = fit_layer(LayerFrame(np.zeros((32, 32, 3), np.uint8), alpha), (256, 256))
    assert (fitted[:, :112] > 0.98).all()
    assert not fitted[:, 148:].any()
    assert set(np.unique(fitted[fitted < 1 / 512])) <= {0}


@given(st.integers(8, 120), st.integers(8, 90))
def test_a_resized_alpha_is_not_rounded(width: int, height: int) -> None:
    """Against float64, within a fifth of a code of 16 bits; rounding misses it by up to a half."""
    alpha = np.random.default_rng(width * 1000 + height).integers(2000, 60000, (24, 32)).astype(np.uint16)
    shrinks = width < 32 and height < 24
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    reference = cv2.resize(alpha / FULL, (width, height), interpolation=method).clip(0, 1)
    _, found = fit_layer(LayerFrame(np.zeros((24, 32, 3), np.uint8), alpha), (width, height))
    kept = reference > 1 / 256
    assert np.abs(to_float(found) - reference)[kept].max() < 0.2 / FULL
