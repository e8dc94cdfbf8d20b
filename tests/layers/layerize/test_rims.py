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
