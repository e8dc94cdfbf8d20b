"""One frame's layer carried along: over what moves as it was told to."""

import cv2
import numpy as np
import pytest

from vera.layers.layer_frame import LayerFrame
from vera.pipelines.editors.carry import REACH, carry_layer, keyframe_of

WIDTH, HEIGHT = 160, 96


def scenery(seed: int = 0, width: int = 640) -> np.ndarray:
    """Something to follow, `[H,width]`: patches of many sizes."""
    noise = np.random.default_rng(seed)
    parts = [
        cv2.resize(
            noise.random((HEIGHT // scale, width // scale), np.float32), (width, HEIGHT), interpolation=cv2.INTER_CUBIC
        )
        for scale in (4, 8, 16)
    ]
    return (np.mean(parts, axis=0).clip(0, 1) * 255).astype(np.uint8)


def pan(frames: int, step: float) -> list[np.ndarray]:
    """The scenery moves left by `step` pixels a frame."""
    whole = scenery()
    moves = [np.float32([[1, 0, -number * step], [0, 1, 0]]) for number in range(frames)]
    return [cv2.warpAffine(whole, move, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC) for move in moves]


def disc(x: float, y: float = HEIGHT / 2, radius: float = 12) -> LayerFrame:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    alpha = np.clip(radius + 0.5 - np.hypot(columns - x, rows - y), 0, 1).astype(np.float32)
    edit = np.broadcast_to(np.float32([0.9, 0.1, 0.1]), (HEIGHT, WIDTH, 3))
    return LayerFrame(np.ascontiguousarray(edit), alpha)


def centre(alpha: np.ndarray) -> tuple[float, float]:
    rows, columns = np.mgrid[: alpha.shape[0], : alpha.shape[1]]
    return float((columns * alpha).sum() / alpha.sum()), float((rows * alpha).sum() / alpha.sum())


@pytest.mark.parametrize("step", [0.0, 0.7, 2.0])
def test_the_layer_goes_with_a_pan(step: float) -> None:
    frames = 21
    key = keyframe_of(frames)
    carried = carry_layer(disc(80), key, pan(frames, step))
    assert (carried.first, carried.last) == (0, frames - 1) and len(carried.layers) == frames
    for number, layer in enumerate(carried.layers):
        x, y = centre(layer.alpha)
        assert abs(x - (80 - (number - key) * step)) < 0.2 and abs(y - HEIGHT / 2) < 0.2
        assert np.allclose(layer.edit[layer.alpha > 0.9], [0.9, 0.1, 0.1], atol=1e-3)


def test_the_keyframe_itself_is_not_touched() -> None:
    layer = disc(80)
    carried = carry_layer(layer, 2, pan(5, 1.0))
    assert carried.layers[2] is layer


def test_a_cut_ends_it() -> None:
    other = np.ascontiguousarray(scenery(1)[:, :WIDTH])
    frames = [*pan(6, 0.5), *[other] * 4]
    carried = carry_layer(disc(80), 3, frames)
    assert carried.first == 0 and carried.last == 5
    assert all(layer.alpha.max() == 0 for layer in carried.layers[6:])


def test_what_leaves_the_frame_ends_it() -> None:
    carried = carry_layer(disc(40), 0, pan(30, 4.0))
    assert 8 <= carried.last <= 14, "40 pixels at 4 a frame"


def test_it_reaches_no_farther_than_it_says() -> None:
    still = [np.ascontiguousarray(scenery()[:, :WIDTH])] * (REACH + 10)
    carried = carry_layer(disc(80), 0, still)
    assert carried.last == REACH
    assert len(carried.layers) == len(still)


def test_a_single_frame() -> None:
    carried = carry_layer(disc(80), 0, pan(1, 0))
    assert (carried.first, carried.last, len(carried.layers)) == (0, 0, 1)


def test_a_layer_of_nothing_is_not_followed() -> None:
    nothing = LayerFrame(disc(80).edit, np.zeros((HEIGHT, WIDTH), np.float32))
    carried = carry_layer(nothing, 1, pan(3, 0))
    assert all(layer.alpha.max() == 0 for layer in carried.layers)
