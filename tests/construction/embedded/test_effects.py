"""Effects before two planes, of which the camera's homography knows one: parallax is none, a shadow is."""

import cv2
import numpy as np
import pytest
from tests.construction.embedded.scenes import texture

from vera.construction.embedded import CameraTrack, find_effects, holes_of
from vera.construction.embedded.shaded import darkened_evenly

WIDTH, HEIGHT, COUNT, EDGE = 240, 128, 25, 88  # the nearer plane begins at EDGE


def ellipse(x: float, y: float, width: float, height: float) -> np.ndarray:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return (6 * (1 - np.hypot((columns - x) / width, (rows - y) / height))).clip(0, 1)


def passing(share: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, CameraTrack]:
    """Clip, masks, shadow and camera: a disc goes right, its shadow above it takes `share` of the light, and below it
    is what goes left by a pixel a frame."""
    size = WIDTH + COUNT, HEIGHT
    upper, lower = (40 + cv2.resize(texture(size[0] // 3, HEIGHT // 3, seed), size) / 2 for seed in (1, 2))
    clip, masks, shadows = [], [], []
    for t in range(COUNT):
        picture = np.vstack([upper[:EDGE, :WIDTH], lower[EDGE:, t : t + WIDTH]])
        x = WIDTH / 2 + 7 * (t - COUNT // 2)
        mask = ellipse(x, EDGE - 8, 14, 18) > 0.5
        shadow = share * ellipse(x, EDGE - 34, 20, 12) * ~mask
        clip.append(np.where(mask[..., None], 255, picture * (1 - shadow[..., None])))
        masks.append(mask)
        shadows.append(shadow)
    camera = CameraTrack(np.broadcast_to(np.eye(3), (COUNT, 3, 3)), 0.0)
    return np.rint(np.stack(clip)).astype(np.uint8), np.stack(masks), np.stack(shadows), camera


@pytest.mark.parametrize("share", [0.2, 0.3, 0.5])
def test_before_two_planes_a_shadow_is_found_and_parallax_is_not(share: float) -> None:
    clip, masks, shadows, camera = passing(share)
    found = find_effects(clip, masks, camera)
    dark = (shadows > share / 2) & ~holes_of(masks)
    assert found[dark].mean() > 0.95 and found[shadows == 0].mean() < 0.01


def test_before_two_planes_there_are_no_effects_without_any() -> None:
    clip, masks, _, camera = passing(0)
    assert find_effects(clip, masks, camera).mean() < 0.001


def test_what_is_evenly_darker_is_told_from_an_edge_that_has_moved() -> None:
    """And from what is darker in one channel, or not shown."""
    wall = 40 + texture(WIDTH, HEIGHT) / 2
    spot = ellipse(60, 60, 30, 30)[..., None]
    shown = np.ones((HEIGHT, WIDTH), bool)
    inside = spot[..., 0] == 1
    assert darkened_evenly(wall * (1 - 0.4 * spot), wall, shown)[inside].all()
    stripes = np.repeat(np.where(np.arange(WIDTH) // 4 % 2, 150, 60)[None, :, None], HEIGHT, 0).repeat(3, -1)
    assert darkened_evenly(np.roll(stripes, 2, 1), stripes, shown)[4:-4, 4:-4].mean() < 0.05
    assert not darkened_evenly(wall * (1 - np.array([0.4, 0, 0]) * spot), wall, shown).any()
    assert not darkened_evenly(wall, wall, shown).any()
