"""All of a recoloured thing is found, and nothing else is taken for one."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from tests.layers.layerize.scenes import disc, over, plate

from vera.layers.layerize import ArrayFootage, layerize_frames
from vera.layers.layerize.difference import find_changes
from vera.layers.layerize.noise import smoothed_difference
from vera.layers.layerize.recolor import find_recolored
from vera.layers.layerize.unmix import unmix

SIZE = (320, 192)
LEVEL = np.full(SIZE[::-1], 1.5 / 255, np.float32)
DISC = disc(SIZE, 160, 96, 60)
MAPS = {
    "to violet": [[0.3, 0.5, 0.1], [0.1, 0.5, 0.3], [0.9, 0.1, 0.2]],
    "to red": [[0.9, 0.3, 0.1], [0.1, 0.3, 0.1], [0.1, 0.2, 0.3]],
    "channels turned": [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]],
}


def half_dark(seed: int) -> np.ndarray:
    """A yellowish plate that is nearly black on the left."""
    shade = 0.06 + 0.94 * np.clip((np.arange(SIZE[0]) - 140) / 20, 0, 1)
    return (plate(seed, SIZE) * np.array([0.9, 0.8, 0.35]) * shade[None, :, None]).astype(np.float32)


def noisy(picture: np.ndarray) -> np.ndarray:
    return picture + np.random.default_rng(0).normal(0, 2 / 255, picture.shape).astype(np.float32)


def found(source: np.ndarray, edited: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What differs, and what of that and around it is recoloured."""
    inside = find_changes(smoothed_difference(source, edited), LEVEL)
    alpha = unmix(source, edited, inside, LEVEL).alpha
    return inside, find_recolored(source, edited, inside, alpha, LEVEL, 0.0)


def mixed(picture: np.ndarray, name: str) -> np.ndarray:
    return (picture @ np.array(MAPS[name], np.float32).T).clip(0, 1)


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("seed", [0, 2, 3])
def test_the_dark_parts_of_a_recoloured_thing_belong_to_it(seed: int, name: str) -> None:
    source = half_dark(seed)
    inside, recolored = found(source, noisy(over(source, mixed(source, name), DISC)))
    solid = DISC == 1
    assert inside[solid].mean() < 0.75  # or the difference alone would do
    assert recolored[solid].mean() > 0.93
    assert recolored[DISC == 0].mean() < 0.03


def edits(source: np.ndarray) -> dict[str, np.ndarray]:
    flat, soft = np.full_like(source, 0.8), disc(SIZE, 160, 96, 60, 40)
    return {
        "object": over(source, plate(5, SIZE), DISC),
        "flat object": over(source, flat, DISC),
        "shadow": over(source, 0 * flat, 0.5 * soft),
        "smoke": over(source, flat, 0.5 * soft),
        "removal": over(source, cv2.GaussianBlur(source, (0, 0), 12), DISC),
        "nothing": source,
    }


@pytest.mark.parametrize("kind", edits(half_dark(0)))
@pytest.mark.parametrize("ground", [lambda seed: plate(seed, SIZE), half_dark], ids=["bright", "half dark"])
@pytest.mark.parametrize("seed", [0, 2, 3])
def test_other_edits_are_not_recoloured_things(seed: int, ground: Callable[[int], np.ndarray], kind: str) -> None:
    source = ground(seed)
    assert not found(source, noisy(edits(source)[kind]))[1].any()


def test_smoke_with_a_place_that_seems_solid_is_no_recoloured_thing() -> None:
    alpha = disc(SIZE, 160, 96, 80, 40) * 0.5
    source = plate(0, SIZE)
    edited = noisy(over(source, np.full_like(source, 0.8), alpha))
    layers = unmix(source, edited, alpha > 0.04, LEVEL)
    seems = np.where(disc(SIZE, 160, 96, 30) > 0, np.float32(1), layers.alpha)
    assert not find_recolored(source, edited, alpha > 0.04, seems, LEVEL, 0.0).any()


@pytest.mark.parametrize(("bright", "radius"), [(False, 24), (True, 15)])
def test_a_hole_is_filled_only_where_other_colours_would_not_be_seen(bright: bool, radius: int) -> None:
    hole = disc(SIZE, 160, 96, radius)
    source = plate(0, SIZE) * np.array([0.9, 0.8, 0.35], np.float32)
    if not bright:
        source = over(source, np.zeros_like(source), hole)
    edited = over(source, mixed(source, "to violet"), DISC - hole)
    middle = disc(SIZE, 160, 96, 6) > 0
    assert found(source, noisy(edited))[1][middle].all() != bright


def test_what_a_mask_keeps_is_not_recoloured() -> None:
    source = np.stack([np.rint(255 * half_dark(0)).astype(np.uint8)] * 2)
    drawn = noisy(over(half_dark(0), mixed(half_dark(0), "to violet"), DISC)).clip(0, 1)
    kept = np.zeros(SIZE[::-1], bool)
    kept[:, :130] = True
    mattes = [
        next(layerize_frames(ArrayFootage(source, 25), [drawn] * 2, mask=mask).frames())[1] / np.float32(65535)
        for mask in (None, kept | (DISC == 0))
    ]
    assert mattes[0][96, 110:125].mean() > 0.9
    assert not mattes[1][:, :124].any()
