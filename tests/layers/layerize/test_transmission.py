"""What shows through, as an editor draws it who loses texture everywhere."""

import cv2
import numpy as np
import pytest
from tests.layers.layerize.scenes import disc, over, plate

from vera.layers.layerize.footage import FramePair
from vera.layers.layerize.match import apply_match, fit_match
from vera.layers.layerize.transmission import kept_detail
from vera.layers.layerize.unmix import unmix

SIZE = (320, 192)
LEVEL = np.full(SIZE[::-1], 1 / 255, np.float32)


def faded(picture: np.ndarray, detail: float) -> np.ndarray:
    """The picture with so much of its texture."""
    smooth = cv2.GaussianBlur(picture, (0, 0), 8)
    return smooth + np.float32(detail) * (picture - smooth)


@pytest.mark.parametrize("detail", [1.0, 0.85, 0.7])
def test_the_texture_that_is_left_is_measured_beside_the_edit(detail: float) -> None:
    edit = disc(SIZE, 160, 96, 40)
    edited = faded(over(plate(0, SIZE), plate(5, SIZE), edit), detail)
    kept = cv2.dilate(edit, np.ones((25, 25))) == 0
    assert np.median(kept_detail(plate(0, SIZE), edited, kept, LEVEL)) == pytest.approx(detail, abs=0.02)


@pytest.mark.parametrize("detail", [1.0, 0.85, 0.7])
def test_smoke_is_no_thicker_for_the_texture_that_an_editor_loses(detail: float) -> None:
    alpha = 0.5 * disc(SIZE, 160, 96, 70, 40)
    source, smoke = plate(0, SIZE), np.full((*SIZE[::-1], 3), 0.85, np.float32)
    pair = FramePair(
        *(np.rint(255 * part).astype(np.uint8) for part in (source, faded(over(source, smoke, alpha), detail)))
    )
    match = fit_match([pair])
    matched = apply_match(match, pair)
    found = unmix(
        matched.softened, matched.edited, alpha > 0.04, matched.level, softness=match.softness, detail=match.detail
    )
    assert abs(float((found.alpha - alpha)[alpha > 0.4].mean())) < 0.05


def test_a_few_agreeing_windows_do_not_tell_of_lost_texture() -> None:
    source, edited = (np.rint(255 * part).astype(np.uint8) for part in (plate(0, SIZE), faded(plate(0, SIZE), 0.7)))
    few = disc(SIZE, 160, 96, 28) > 0
    assert fit_match([FramePair(source, edited)]).detail < 0.95
    assert fit_match([FramePair(source, edited, few)]).detail == 1.0


@pytest.mark.parametrize("seed", [0, 2, 3])
def test_a_replaced_background_is_no_lost_texture(seed: int) -> None:
    edited = over(plate(seed + 5, SIZE), plate(seed, SIZE), disc(SIZE, 160, 96, 50))
    pair = FramePair(*(np.rint(255 * part).astype(np.uint8) for part in (plate(seed, SIZE), edited)))
    assert fit_match([pair]).detail > 0.95
