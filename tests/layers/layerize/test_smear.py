"""What an editor loses of the source's detail is no edit, unless nothing is left of it."""

import cv2
import numpy as np
import pytest
from tests.layers.layerize.scenes import SIZE, over, plate

from vera.layers.layerize import ArrayFootage, layerize_frames
from vera.layers.layerize.smear import vanished

WHITE, BLACK = np.float32(0.95), np.float32(0.05)


def lines(width: int, count: int = 1) -> np.ndarray:
    """Alpha [H,W] of slanted lines, `width` pixels wide."""
    alpha = np.zeros(SIZE[::-1], np.uint8)
    for top in np.linspace(0, SIZE[1], count + 2)[1:-1].astype(int):
        cv2.line(alpha, (0, int(top)), (SIZE[0], int(top) + 12), 255, width, cv2.LINE_AA)
    return alpha / np.float32(255)


def smooth(seed: int = 0) -> np.ndarray:
    return cv2.GaussianBlur(plate(seed), (0, 0), 6)


@pytest.mark.parametrize("color", [WHITE, BLACK])
@pytest.mark.parametrize("width", [1, 2, 4])
def test_nothing_is_left_of_a_thin_thing_that_was_removed(width: int, color: np.float32) -> None:
    source = over(smooth(), np.full((*SIZE[::-1], 3), color), lines(width))
    assert vanished(source, smooth())[lines(width) > 0.5].mean() > 0.9


@pytest.mark.parametrize("flaw", ["softer", "beside", "paler", "noise"])
def test_detail_that_an_editor_draws_worse_has_not_vanished(flaw: str) -> None:
    source = over(smooth(), np.full((*SIZE[::-1], 3), WHITE), lines(2, 3))
    drawn = {
        "softer": cv2.GaussianBlur(source, (0, 0), 0.8),
        "beside": np.roll(source, 1, axis=0),
        "paler": 0.5 * source + 0.25,
        "noise": source + np.random.default_rng(0).normal(0, 0.02, source.shape).astype(np.float32),
    }
    found = vanished(source, drawn[flaw])
    assert not found[2:-2][lines(2, 3)[2:-2] > 0.5].any()


@pytest.mark.faults
@pytest.mark.parametrize("width", [1, 2, 3])
@pytest.mark.parametrize("color", [WHITE, np.float32(0.7), np.float32(0.25), BLACK])
def test_a_wire_is_removed(width: int, color: np.float32) -> None:
    """It lies in the range of what is beside it, so that its removal was taken for lost detail and refused."""
    wire, rng = lines(width), np.random.default_rng(1)
    clean = np.stack([plate(t=t) for t in range(3)])
    clean[:, SIZE[1] // 3 :] = smooth()[SIZE[1] // 3 :]
    source = np.stack([over(part, np.full_like(part, color), wire) for part in clean])
    source = np.rint((source + rng.normal(0, 0.004, source.shape)).clip(0, 1) * 255).astype(np.uint8)
    drawn = np.stack([cv2.GaussianBlur(part, (0, 0), 0.7) for part in clean])
    edited = np.rint(drawn * 255).astype(np.uint8)
    for t, frame in enumerate(layerize_frames(ArrayFootage(source, 25, "the source"), edited, 25).frames()):
        alpha = frame.alpha[..., None] / 65535
        result = alpha * frame.edit + (1 - alpha) * source[t]
        left = np.abs(result - 255 * clean[t]).mean(-1)[wire > 0.5]
        there = np.abs(source[t] - 255 * clean[t]).mean(-1)[wire > 0.5]
        assert left.mean() < there.mean() / 8
