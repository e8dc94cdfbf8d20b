"""The economy mode: which frames are sampled, where the others come from, and that they come out right."""

from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from vera.errors import VeraError
from vera.layers.layer_frame import FULL, LayerFrame
from vera.layers.refine.rate import interpolate_layers, sampled_frames, sampled_neighbors
from vera.video.view import spread_frames

HEIGHT, WIDTH, FRAMES = 72, 128, 5
_RNG = np.random.default_rng(0)
WORLD = cv2.GaussianBlur(_RNG.random((HEIGHT, WIDTH + 40, 3)).astype(np.float32), (0, 0), 2)
WORLD = np.rint((WORLD - WORLD.min()) / np.ptp(WORLD) * 255).astype(np.uint8)
PATTERN = cv2.resize(_RNG.integers(60, 256, (9, 9, 3)).astype(np.uint8), (24, 24), interpolation=cv2.INTER_CUBIC)


def plates(pan: int) -> NDArray[np.uint8]:
    """A camera that pans `pan` pixels a frame."""
    return np.stack([WORLD[:, t * pan : t * pan + WIDTH] for t in range(FRAMES)])


def layers(step: int) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
    """A patterned square that moves `step` pixels a frame."""
    edit, alpha = np.full((FRAMES, HEIGHT, WIDTH, 3), 128, np.uint8), np.zeros((FRAMES, HEIGHT, WIDTH), np.uint16)
    for t in range(FRAMES):
        left = 52 + step * t
        edit[t, 24:48, left : left + 24], alpha[t, 24:48, left : left + 24] = PATTERN, FULL
    return edit, alpha


@given(st.integers(1, 200), st.integers(1, 20))
def test_every_frame_lies_between_the_sampled_ones(count: int, every: int) -> None:
    sampled = sampled_frames(count, every)
    found = sampled_neighbors(sampled)
    assert sampled[0] == 0 and sampled[-1] == count - 1 and len(found) == count
    assert all(0 < b - a <= every for a, b in pairwise(sampled))
    for t, (before, after, weight) in enumerate(found):
        assert sampled[before] * (1 - weight) + sampled[after] * weight == pytest.approx(t)


def test_every_frame_sampled_changes_nothing() -> None:
    edit, alpha = layers(2)
    for t, (colors, matte) in enumerate(
        interpolate_layers(map(LayerFrame, edit, alpha), sampled_frames(FRAMES, 1), plates(1))
    ):
        assert np.array_equal(colors, edit[t]) and np.array_equal(matte, alpha[t])


@pytest.mark.parametrize("pan, step", [(2, -2), (-0, 2), (2, 0), (0, 0)])
def test_layers_between_follow_camera_and_object(pan: int, step: int) -> None:
    """Clinging to the world, moving through it, standing still before a moving camera, and standing still."""
    edit, alpha = layers(step)
    sampled = sampled_frames(FRAMES, 4)
    layers_between = interpolate_layers(
        map(LayerFrame, edit[list(sampled)], alpha[list(sampled)]), sampled, plates(pan)
    )
    found = [layer.codes() for layer in layers_between]
    still = np.abs((alpha[0].astype(float) + alpha[4]) / 2 - alpha[2]).mean() / FULL  # without motion
    for t in (1, 2, 3):
        colors, matte = found[t]
        wrong = np.abs(matte.astype(float) - alpha[t]).mean() / FULL
        assert wrong <= max(0.3 * still, 0.001)
        inside = cv2.erode(alpha[t], np.ones((7, 7))) > 0
        assert np.abs(colors.astype(float) - edit[t])[inside].mean() < 12
    for t in sampled:
        assert np.array_equal(found[t][0], edit[t]) and np.array_equal(found[t][1], alpha[t])


def test_tiny_layers_are_mixed_without_motion() -> None:
    edit, alpha = np.zeros((2, 4, 6, 3), np.uint16), np.zeros((2, 4, 6), np.uint16)
    alpha[1], edit[1] = FULL, 1000
    (_, middle, _) = interpolate_layers(map(LayerFrame, edit, alpha), (0, 2), np.zeros((3, 4, 6, 3), np.uint8))
    colors, matte = middle.codes(np.uint16)
    assert (np.abs(matte.astype(int) - FULL // 2) <= 1).all() and (colors == 1000).all()


def test_what_does_not_fit_is_refused() -> None:
    edit, alpha = layers(0)
    with pytest.raises(VeraError, match="every must be at least 1"):
        sampled_frames(10, 0)
    with pytest.raises(ValueError, match="layer frames"):
        list(interpolate_layers(map(LayerFrame, edit, alpha), (0, 4), plates(0)))
    with pytest.raises(ValueError, match="layer frames"):
        list(interpolate_layers(map(LayerFrame, edit[:1], alpha[:1]), (0, 4), plates(0)))


@given(st.integers(1, 200), st.integers(1, 8))
def test_picked_frames_are_spread_from_the_first_to_the_last(count: int, wanted: int) -> None:
    picked = spread_frames(count, wanted)
    assert picked[0] == 0 and len(picked) == min(count, wanted) and set(picked) <= set(range(count))
    assert wanted == 1 or picked[-1] == count - 1
