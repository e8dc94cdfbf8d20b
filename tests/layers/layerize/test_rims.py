"""Rims of what an editor removed, and that there are none of what it added or recoloured."""

import cv2
import numpy as np
import pytest

from vera.layers.layerize import ArrayFootage, layerize_frames
from vera.layers.layerize.rims import find_rims
from vera.layers.layerize.unmix import Layers

HEIGHT, WIDTH = 96, 160
LEVEL = np.full((HEIGHT, WIDTH), 0.004, np.float32)


def wall(seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).uniform(0.4, 0.5, (HEIGHT // 12, WIDTH // 12, 3)).astype(np.float32)
    return cv2.resize(noise, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)


def disc(radius: float) -> np.ndarray:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    return (radius + 0.5 - np.hypot(columns - WIDTH / 2, rows - HEIGHT / 2)).clip(0, 1)


def over(picture: np.ndarray, alpha: np.ndarray, color: tuple[float, float, float] = (0.9, 0.1, 0.1)) -> np.ndarray:
    return (picture * (1 - alpha[..., None]) + alpha[..., None] * np.array(color)).astype(np.float32)


def drawn(picture: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(picture, (0, 0), 1.0)


@pytest.mark.parametrize("short", [0, 1, 2, 3])
def test_the_rim_of_what_is_removed_is_all_that_the_source_still_shows(short: int) -> None:
    """However far the matte that was found ends within the thing."""
    plate, thing = wall(), disc(20)
    layers = Layers((disc(20 - short) > 0.5).astype(np.float32), plate)
    rims = find_rims(over(plate, thing), drawn(plate), layers, LEVEL)
    assert (rims | (layers.alpha > 0))[thing > 0.2].all()
    assert not rims[disc(23) == 0].any()


@pytest.mark.parametrize("kind", ["added", "recoloured", "nothing"])
def test_what_is_no_removal_has_no_rim(kind: str) -> None:
    plate, thing = wall(), disc(20)
    pictures = {
        "added": (plate, over(plate, thing)),
        "recoloured": (over(plate, thing), over(plate, thing, (0.1, 0.2, 0.9))),
        "nothing": (plate, plate),
    }
    source, edited = pictures[kind]
    layers = Layers(np.zeros_like(thing) if kind == "nothing" else (disc(18) > 0.5).astype(np.float32), plate)
    assert not find_rims(source, drawn(edited), layers, LEVEL).any()


@pytest.mark.faults
def test_a_removal_leaves_no_outline() -> None:
    """Of a thing that stood there, an editor's soft picture left a coloured line in the result."""
    plate, thing = wall(), disc(20)
    noise = np.random.default_rng(1).normal(0, 0.004, (3, HEIGHT, WIDTH, 3))
    source = np.rint((np.stack([over(plate, thing)] * 3) + noise).clip(0, 1) * 255).astype(np.uint8)
    edited = np.rint(np.stack([drawn(plate)] * 3) * 255).astype(np.uint8)
    for frame in layerize_frames(ArrayFootage(source, 25, "the source"), edited, 25).frames():
        alpha = frame.alpha[..., None] / 65535
        result = alpha * frame.edit + (1 - alpha) * source[0]
        assert np.abs(result - 255 * plate)[thing > 0.2].max() < 20


@pytest.mark.faults
@pytest.mark.parametrize("gap", [-4, 0, 3])
def test_what_is_added_beside_a_removed_thing_leaves_it_no_outline(gap: int) -> None:
    """The two are one part of the matte, whose edges together are no fewer than the source's."""
    plate, thing = wall(), np.roll(disc(18), -20, axis=1)
    added = np.roll(disc(18), 17 + gap, axis=1)
    texture = np.random.default_rng(2).uniform(0, 1, (HEIGHT // 3, WIDTH // 3, 3)).astype(np.float32)
    paint = cv2.resize(texture, (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST)
    finished = plate * (1 - added[..., None]) + paint * added[..., None]
    found = (np.roll(disc(17), -20, axis=1) > 0.5) | (np.roll(disc(17), 17 + gap, axis=1) > 0.5)
    found |= (np.abs(np.arange(HEIGHT) - HEIGHT // 2) < 8)[:, None] & (np.abs(np.arange(WIDTH) - WIDTH // 2) < 18)
    rims = find_rims(over(plate, thing), drawn(finished), Layers(found.astype(np.float32), plate), LEVEL)
    away = np.arange(WIDTH) < WIDTH // 2 - 24
    assert (rims | found)[(thing > 0.2) & away].all()


@pytest.mark.faults
def test_a_rim_ends_at_what_a_mask_keeps() -> None:
    """It reached four pixels further into it than the rest of a matte, which ends within five."""
    plate, thing = wall(), disc(20)
    source = np.rint(np.stack([over(plate, thing)] * 3) * 255).astype(np.uint8)
    edited = np.rint(np.stack([drawn(plate)] * 3) * 255).astype(np.uint8)
    kept = np.zeros((HEIGHT, WIDTH), bool)
    kept[:, : WIDTH // 2] = True
    for frame in layerize_frames(ArrayFootage(source, 25, "the source"), edited, 25, mask=kept).frames():
        assert not frame.alpha[:, : WIDTH // 2 - 5].any() and (frame.alpha[:, WIDTH // 2 + 3 :] > 0).any()
