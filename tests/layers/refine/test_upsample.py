"""Up-sampling with a guide: where the plate shows the edge, where it does not, and that nothing else changes."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vera.layers.layer_frame import FULL, LayerFrame
from vera.layers.refine import upsample
from vera.layers.refine.floor import fit_layer
from vera.layers.refine.upsample import Guide, choose_guide, upsample_layer

SMALL, SIZE = (64, 48), (192, 144)


def shape(size: tuple[int, int] = SIZE) -> NDArray[np.float32]:
    """A hard-edged star, anti-aliased, in [0,1]."""
    width, height = size
    y, x = np.mgrid[: 4 * height, : 4 * width].astype(np.float32) / 4
    angle = np.arctan2(y - height / 2, x - width / 2)
    radius = height * (0.3 + 0.08 * np.sin(9 * angle))
    inside = (np.hypot(y - height / 2, x - width / 2) < radius).astype(np.float32)
    return np.asarray(cv2.resize(inside, size, interpolation=cv2.INTER_AREA))


def scene(in_place: bool, noise: float = 0.01) -> tuple[NDArray[np.float32], NDArray[np.uint8], NDArray[np.uint8]]:
    """The true matte and a plate at full size, and the plate at model size; the star is in the plate or it is not."""
    truth = shape()
    rng = np.random.default_rng(1)
    behind = np.full((*truth.shape, 3), (0.3, 0.5, 0.4), np.float32)
    behind += cv2.GaussianBlur(rng.normal(0, 0.4, behind.shape).astype(np.float32), (0, 0), 2)
    star = np.array([0.8, 0.4, 0.2], np.float32)
    plate = truth[..., None] * star + (1 - truth[..., None]) * behind if in_place else behind
    plate = (plate + rng.normal(0, noise, plate.shape)).clip(0, 1)
    codes = np.rint(plate * 255).astype(np.uint8)
    return truth, codes, np.asarray(cv2.resize(codes, SMALL, interpolation=cv2.INTER_AREA))


def matte(truth: NDArray[np.float32], blur: float = 0.0) -> NDArray[np.uint16]:
    small = cv2.resize(truth, SMALL, interpolation=cv2.INTER_AREA)
    if blur:
        small = cv2.GaussianBlur(small, (0, 0), blur)
    return np.rint(small * FULL).astype(np.uint16)


EDIT = np.full((SMALL[1], SMALL[0], 3), 90, np.uint8)


def error(alpha: NDArray[np.float32], truth: NDArray[np.float32]) -> float:
    return float(np.abs(alpha - truth).mean())


def test_the_edge_of_the_plate_is_taken() -> None:
    truth, plate, small = scene(in_place=True)
    alpha = matte(truth)
    plain = error(fit_layer(LayerFrame(EDIT, alpha), SIZE)[1], truth)
    for guide in ("plate", "auto"):
        assert error(upsample_layer(LayerFrame(EDIT, alpha), SIZE, small, plate, guide)[1], truth) < 0.5 * plain


def test_a_blurred_matte_is_sharpened_by_the_plate_that_is_as_blurred() -> None:
    truth, plate, small = scene(in_place=True)
    alpha = matte(truth, blur=1.0)
    guide, blur = choose_guide(alpha[None], small[None])
    assert guide == "auto" and 0.75 <= blur <= 1.25
    plain = error(fit_layer(LayerFrame(EDIT, alpha), SIZE)[1], truth)
    unmatched = error(upsample_layer(LayerFrame(EDIT, alpha), SIZE, small, plate, "plate")[1], truth)
    matched = error(upsample_layer(LayerFrame(EDIT, alpha), SIZE, small, plate, "plate", blur)[1], truth)
    assert matched < 0.4 * plain and matched < 0.5 * unmatched


def test_a_plate_without_the_edge_changes_nothing() -> None:
    truth, plate, small = scene(in_place=False)
    alpha = matte(truth)
    assert choose_guide(alpha[None], small[None]) == ("none", 0.0)
    plain = fit_layer(LayerFrame(EDIT, alpha), SIZE)[1]
    automatic = upsample_layer(LayerFrame(EDIT, alpha), SIZE, small, plate, "auto")[1]
    assert error(automatic, truth) <= error(plain, truth)
    assert np.abs(automatic - plain).mean() < 0.02 * np.abs(truth - plain).mean()


@pytest.mark.parametrize("guide", ["auto", "plate"])
def test_an_edge_between_two_colours_has_no_rings(guide: Guide) -> None:
    """Bright colours that differ little: the slope is steep, and where its use ends a jump would show."""
    truth = shape()
    colors = truth[..., None] * (0.90, 0.85, 0.88) + (1 - truth[..., None]) * (0.70, 0.72, 0.69)
    plate = np.rint(colors * 255).astype(np.uint8)
    alpha = matte(truth)
    found = upsample_layer(LayerFrame(EDIT, alpha), SIZE, None, plate, guide)[1]
    even = cv2.erode(((truth == 0) | (truth == 1)).astype(np.uint8), np.ones((3, 3))) > 0
    assert np.abs(found - truth)[even].max() < 0.1
    assert error(found, truth) < 0.2 * error(fit_layer(LayerFrame(EDIT, alpha), SIZE)[1], truth)


@pytest.mark.parametrize("noise", [0.0, 0.01, 0.03])
@pytest.mark.parametrize("lens", [0.0, 1.0, 2.5])
@pytest.mark.parametrize("blur", [0.0, 0.7])
def test_automatic_choice_is_never_worse_than_interpolation(noise: float, lens: float, blur: float) -> None:
    """From sharp plates to ones out of focus, where interpolation is right and the guide has nothing to give."""
    truth, clean, _ = scene(in_place=True, noise=0.0)
    if lens:
        truth, clean = (np.asarray(cv2.GaussianBlur(part, (0, 0), lens)) for part in (truth, clean))
    grain = np.random.default_rng(4).normal(0, 255 * noise, clean.shape)
    plate = np.rint((clean + grain).clip(0, 255)).astype(np.uint8)
    small = np.asarray(cv2.resize(plate, SMALL, interpolation=cv2.INTER_AREA))
    alpha = matte(truth, blur)
    guide, found_blur = choose_guide(alpha[None], small[None])
    automatic = upsample_layer(LayerFrame(EDIT, alpha), SIZE, small, plate, guide, found_blur)[1]
    assert error(automatic, truth) <= error(fit_layer(LayerFrame(EDIT, alpha), SIZE)[1], truth)


def test_noise_of_the_plate_does_not_pass_for_blur_of_the_matte() -> None:
    truth, _, small = scene(in_place=True, noise=0.03)
    assert choose_guide(matte(truth)[None], small[None]) == ("auto", 0.0)


def test_a_soft_matte_stays_soft() -> None:
    """Interpolation is right for a shadow; a plate that is textured where it falls must not show in it."""
    truth, plate, small = scene(in_place=True)
    soft = np.asarray(cv2.GaussianBlur(truth, (0, 0), 12))
    alpha = matte(soft)
    plain, automatic = (
        fit_layer(LayerFrame(EDIT, alpha), SIZE)[1],
        upsample_layer(LayerFrame(EDIT, alpha), SIZE, small, plate, "auto")[1],
    )
    assert np.array_equal(plain, automatic)


def test_an_affine_matte_is_restored_to_rounding() -> None:
    """The filter's model holds exactly: alpha = a.I + b, so the full-size matte is the same function of the plate."""
    rng = np.random.default_rng(2)
    plate = cv2.GaussianBlur(rng.random((SIZE[1], SIZE[0], 3)).astype(np.float32), (0, 0), 1.5)
    plate = ((plate - plate.min()) / np.ptp(plate)).astype(np.float32)
    truth = plate @ np.array([0.5, 0.25, 0.125], np.float32) + np.float32(0.05)
    small = cv2.resize(plate, SMALL, interpolation=cv2.INTER_AREA)
    alpha = matte(truth)
    found = upsample_layer(LayerFrame(EDIT, alpha), SIZE, small, plate, "plate")[1]
    assert np.abs(found - truth)[9:-9, 9:-9].max() < 0.012  # EPSILON keeps the slope a little below
    assert error(fit_layer(LayerFrame(EDIT, alpha), SIZE)[1], truth) > 5 * np.abs(found - truth).mean()


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(["auto", "plate", "composite"]), st.integers(49, 150), st.integers(37, 120), st.floats(0, 2))
def test_nothing_stays_nothing_and_all_stays_all(guide: Guide, width: int, height: int, blur: float) -> None:
    rng = np.random.default_rng(3)
    plate = rng.integers(0, 256, (height, width, 3)).astype(np.uint8)
    alpha = np.zeros((36, 48), np.uint16)
    alpha[12:, 20:] = FULL
    edit = np.zeros((36, 48, 3), np.uint8)
    _, found = upsample_layer(LayerFrame(edit, alpha), (width, height), None, plate, guide, blur)
    near_y, near_x = np.abs(np.arange(height) / height * 36 - 12) < 4, np.abs(np.arange(width) / width * 48 - 20) < 4
    away = ~(near_y[:, None] | near_x[None])
    assert np.isin(found[away], (0, 1)).all()


def test_tiles_make_the_same_matte_as_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    truth, plate, small = scene(in_place=True)
    alpha = matte(truth)
    whole = upsample_layer(LayerFrame(EDIT, alpha), SIZE, small, plate, "auto", 1.0)[1]
    monkeypatch.setattr(upsample, "TILE", 8)
    upsample._cuts.cache_clear()
    tiled = upsample_layer(LayerFrame(EDIT, alpha), SIZE, small, plate, "auto", 1.0)[1]
    upsample._cuts.cache_clear()
    assert np.abs(whole - tiled).max() <= 8 / FULL  # float32 sums in another order


def test_depth_of_the_plate_makes_no_difference() -> None:
    truth, plate, small = scene(in_place=True)
    alpha = matte(truth)
    layer = LayerFrame(EDIT, alpha)
    deep = upsample_layer(layer, SIZE, small.astype(np.uint16) * 257, plate.astype(np.uint16) * 257)[1]
    assert np.abs(upsample_layer(layer, SIZE, small, plate)[1] - deep).max() <= 4 / FULL


def test_without_enlargement_or_plate_it_is_the_plain_fit() -> None:
    truth, plate, small = scene(in_place=True)
    alpha = matte(truth)
    assert upsample_layer(LayerFrame(EDIT, alpha), SMALL, small, small)[1] is alpha
    assert np.array_equal(upsample_layer(LayerFrame(EDIT, alpha), SIZE)[1], fit_layer(LayerFrame(EDIT, alpha), SIZE)[1])
    assert np.array_equal(
        upsample_layer(LayerFrame(EDIT, alpha), SIZE, small, plate, "none")[1],
        fit_layer(LayerFrame(EDIT, alpha), SIZE)[1],
    )
    with pytest.raises(ValueError, match="the plate is 64x48"):
        upsample_layer(LayerFrame(EDIT, alpha), SIZE, small, small)
