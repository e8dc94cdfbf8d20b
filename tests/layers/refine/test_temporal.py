"""Temporal smoothing: flicker goes, motion and sudden change stay where and when they are."""

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.layers.layer_frame import FULL, LayerFrame
from vera.layers.refine.temporal import smooth_layers

FRAMES, HEIGHT, WIDTH = 6, 72, 128
_RNG = np.random.default_rng(0)
GROUND = np.rint(cv2.GaussianBlur(_RNG.random((HEIGHT, WIDTH, 3)).astype(np.float32), (0, 0), 2) * 255).astype(np.uint8)
PATTERN = cv2.resize(_RNG.integers(30, 256, (8, 8, 3)).astype(np.uint8), (40, 40), interpolation=cv2.INTER_CUBIC)


def moving(step: int) -> tuple[NDArray[np.uint8], NDArray[np.uint16], NDArray[np.uint8]]:
    """A half-covering patterned square that moves `step` pixels a frame: edit, alpha, plates."""
    edit, alpha = np.full((FRAMES, HEIGHT, WIDTH, 3), 128, np.uint8), np.zeros((FRAMES, HEIGHT, WIDTH), np.uint16)
    for t in range(FRAMES):
        left = 20 + step * t
        edit[t, 16:56, left : left + 40] = PATTERN
        alpha[t, 16:56, left : left + 40] = FULL * 7 // 10
    return edit, alpha, np.repeat(GROUND[None], FRAMES, 0)


def smoothed(
    edit: NDArray[np.uint8], alpha: NDArray[np.uint16], plates: NDArray[np.uint8]
) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
    colors, mattes = zip(*(layer.codes() for layer in smooth_layers(map(LayerFrame, edit, alpha), plates)), strict=True)
    return np.stack(colors), np.stack(mattes)


def test_flicker_falls_on_still_and_moving_mattes() -> None:
    for step in (0, 3):
        edit, alpha, plates = moving(step)
        rng = np.random.default_rng(1)
        inside = np.stack([cv2.erode(frame, np.ones((9, 9))) > 0 for frame in alpha])
        noise = np.where(alpha > 0, rng.normal(0, 0.02 * FULL, alpha.shape), 0)
        noisy = (alpha + noise).clip(0, FULL).astype(np.uint16)
        _, found = smoothed(edit, noisy, plates)
        before, after = (np.abs(matte.astype(float) - alpha)[1:-1][inside[1:-1]].mean() for matte in (noisy, found))
        assert after < 0.68 * before  # the mean of three has 0.58


def test_a_steady_edge_does_not_lag() -> None:
    edit, alpha, plates = moving(4)
    _, found = smoothed(edit, alpha, plates)
    columns = np.arange(WIDTH)
    for t in range(1, FRAMES - 1):
        centers = [
            float((matte[t].sum(0) * columns).sum() / matte[t].sum())
            for matte in (alpha.astype(float), found.astype(float))
        ]
        assert abs(centers[0] - centers[1]) < 0.1
    assert np.abs(found.astype(float) - alpha).mean() / alpha.mean() < 0.03


def test_what_appears_does_so_at_its_own_frame() -> None:
    edit, alpha, plates = moving(0)
    alpha[:3] = 0
    _, found = smoothed(edit, alpha, plates)
    assert not found[:3].any()
    assert np.abs(found[3:].astype(int) - alpha[3:]).max() < 0.01 * FULL


def test_still_layers_stay_as_they_are() -> None:
    edit, alpha, plates = moving(0)
    colors, found = smoothed(edit, alpha, plates)
    assert np.abs(found.astype(int) - alpha).max() <= 1
    assert np.abs(colors.astype(int) - edit).max() <= 1


def test_one_frame_has_no_neighbours() -> None:
    edit, alpha, plates = moving(0)
    colors, found = smoothed(edit[:1], alpha[:1], plates[:1])
    assert np.abs(found.astype(int) - alpha[:1]).max() <= 1 and np.abs(colors.astype(int) - edit[:1]).max() <= 1
