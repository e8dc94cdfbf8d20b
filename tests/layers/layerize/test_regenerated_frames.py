"""What an editor gets wrong by itself: a picture that wobbles, colours that come and go, smears, blurred edges."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.layers.layerize.scenes import disc, over, plate

from vera.layers.layerize import ArrayFootage, layerize_frames
from vera.layers.layerize.align import grey, initial_map
from vera.layers.layerize.sharpen import sharpen_edges
from vera.layers.layerize.smear import beyond_range, close_bites, smears, value_range, with_neighbours
from vera.layers.layerize.wobble import find_wobble, warp_locally

SIZE = (320, 192)


def wave(amount: float) -> np.ndarray:
    """A smooth field of displacements [H,W,2] of up to `amount` pixels."""
    x, y = np.meshgrid(np.linspace(0, 1, SIZE[0]), np.linspace(0, 1, SIZE[1]))
    return (amount * np.dstack([np.sin(5 * x + 3 * y), np.cos(4 * y - 2 * x)])).astype(np.float32)


def displaced(picture: np.ndarray, field: np.ndarray) -> np.ndarray:
    return warp_locally(picture, initial_map(SIZE, SIZE), field)


def test_a_wobble_is_found_and_undone() -> None:
    source, field = plate(0, SIZE), wave(1.0)
    edited = displaced(source, -field)
    found = find_wobble(grey(source), grey(edited))
    assert found is not None
    inner = (slice(16, -16), slice(16, -16))
    assert np.abs(found - field)[inner].mean() < 0.15
    before, after = (np.abs(part - source)[inner].mean() for part in (edited, displaced(edited, found)))
    assert after < before / 4


def test_pictures_in_place_and_plain_ones_do_not_wobble() -> None:
    source = grey(plate(0, SIZE))
    assert find_wobble(source, source) is None
    assert find_wobble(source, 0.9 * source + 0.03) is None
    assert find_wobble(np.full_like(source, 0.5), np.full_like(source, 0.6)) is None


def test_an_edit_does_not_make_a_wobble() -> None:
    source = plate(0, SIZE)
    assert find_wobble(grey(source), grey(over(source, plate(5, SIZE), disc(SIZE, 160, 96, 60)))) is None


@given(count=st.integers(0, 12), reach=st.integers(1, 4))
def test_every_item_comes_with_its_neighbours(count: int, reach: int) -> None:
    found = list(with_neighbours(range(count), reach))
    assert [item for item, _ in found] == list(range(count))
    for item, near in found:
        assert near == [i for i in range(count) if abs(i - item) <= reach]


@settings(max_examples=20)
@given(share=st.floats(0, 1), where=st.integers(0, 2))
def test_a_mixture_of_frames_is_within_their_range(share: float, where: int) -> None:
    pictures = [plate(0, SIZE, 4 * t) for t in range(3)]
    values = value_range(pictures, 0.0)
    mixed = (1 - share) * pictures[1] + share * pictures[where]
    assert np.abs(beyond_range(pictures[1], mixed, values, 1.0)).max() < 1e-5
    assert np.abs(beyond_range(pictures[1], pictures[1] + 0.5, values, 1.0)).mean() > 0.2


def test_only_an_editor_that_smears_is_told_so() -> None:
    pictures = [plate(0, SIZE, 4 * t) for t in range(3)]
    level, still, values = (
        np.full(SIZE[::-1], 1 / 255, np.float32),
        value_range(pictures[1:2], 0),
        value_range(pictures, 0),
    )
    edit = disc(SIZE, 160, 96, 50) > 0.5
    exact, smeared = pictures[1].copy(), np.mean(pictures, axis=0)
    exact[edit] = 0.9
    assert not smears(exact - pictures[1], level, still, values, edit)
    assert smears(smeared - pictures[1], level, still, values, edit)


def test_gaps_of_an_edit_are_closed_and_smears_beside_it_are_not() -> None:
    sure = disc(SIZE, 100, 96, 50) > 0.5
    found = sure.copy()
    found[:, 240:] = True
    sure[90:96] = False
    closed = close_bites(sure, found)
    assert closed[92, 100] and not closed[:, 240:].any()


@pytest.mark.parametrize("softness", [1.0, 1.6, 2.5])
def test_blurred_edges_are_steep_again_and_soft_ones_stay(softness: float) -> None:
    hard, soft = disc(SIZE, 160, 96, 50), disc(SIZE, 160, 96, 50, 60)
    blurred = cv2.GaussianBlur(hard, (0, 0), softness)
    sharp = sharpen_edges(blurred, softness)
    partly = [np.count_nonzero((alpha > 0.02) & (alpha < 0.98)) for alpha in (sharp, blurred)]
    assert partly[0] < 0.7 * partly[1]
    assert np.array_equal(sharpen_edges(soft, softness), soft)
    assert sharpen_edges(blurred, 0.3) is blurred


@pytest.mark.parametrize("softness", [1.0, 1.6, 2.5])
@pytest.mark.parametrize("angle", [0.0, 0.8, 2.0])
def test_an_edge_that_lies_beside_by_its_blur_touches_nothing_preserved(softness: float, angle: float) -> None:
    hard = disc(SIZE, 160, 96, 50)
    x, y = 160 + 0.9 * softness * np.cos(angle), 96 + 0.9 * softness * np.sin(angle)
    beside = disc(SIZE, x, y, 50).astype(np.float32)
    sharp = sharpen_edges(cv2.GaussianBlur(beside, (0, 0), softness), softness)
    assert sharp[hard == 0].max() < 0.1
    assert sharp[cv2.erode(hard, np.ones((13, 13))) == 1].min() > 0.999


def test_a_clip_whose_colours_and_place_drift() -> None:
    count = 5
    plates = np.stack([np.rint(255 * plate(1, SIZE, t)) for t in range(count)]).astype(np.uint8)
    alpha = np.stack([disc(SIZE, 120 + 3 * t, 96, 40) for t in range(count)])
    drawn = []
    for t in range(count):
        finished = over(plates[t] / np.float32(255), 0.3 * plate(5, SIZE) + np.float32(0.5), alpha[t])
        gain = 1 + 0.04 * np.sin(np.array([0.0, 2.0, 4.0]) + t)
        drawn.append(cv2.GaussianBlur(displaced(finished, wave(1.0) + 0.2 * t) * gain, (0, 0), 1.0))
    found = layerize_frames(ArrayFootage(plates, 25), np.stack(drawn).clip(0, 1))
    kept, errors = alpha == 0, []
    for t, (edit, matte) in enumerate(found.frames()):
        weight = matte[..., None] / np.float32(65535)
        errors.append(np.square(weight * (edit.astype(np.float32) - plates[t])))
        assert np.abs(matte / np.float32(65535) - alpha[t]).mean() < 0.01
    raw = np.square(255 * np.stack(drawn) - plates)[kept].mean()
    assert 10 * np.log10(raw / np.stack(errors)[kept].mean()) > 15
