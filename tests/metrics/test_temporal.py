"""Changes from frame to frame: closed forms, plain implementations, and clips that move as one."""

import cv2
import numpy as np
import pytest

from vera.metrics.temporal import dtssd, flicker, warp_error, warp_excess


def test_dtssd_does_not_mind_a_constant_error() -> None:
    truth = np.random.default_rng(0).random((4, 6, 8)).astype(np.float32) / 2
    assert dtssd(truth + np.float32(0.25), truth) == pytest.approx(0, abs=1e-4)


def test_dtssd_of_a_flickering_matte() -> None:
    alpha = np.zeros((3, 4, 4), np.float32)
    alpha[1, 0] = 0.5  # a quarter of the pixels goes up and comes down by 0.5
    assert dtssd(alpha, np.zeros_like(alpha)) == pytest.approx(100 * 0.5 * 0.25**0.5)
    assert dtssd(alpha[:1], alpha[:1]) is None


def test_dtssd_is_that_of_plain_loops() -> None:
    alpha, truth = np.random.default_rng(0).random((2, 4, 6, 8)).astype(np.float32)
    steps = []
    for t in range(1, 4):
        changes = [
            (float(alpha[t][i]) - float(alpha[t - 1][i]) - float(truth[t][i]) + float(truth[t - 1][i])) ** 2
            for i in np.ndindex(6, 8)
        ]
        steps.append((sum(changes) / 48) ** 0.5)
    assert dtssd(alpha, truth) == pytest.approx(100 * sum(steps) / 3, rel=1e-5)


def test_flicker_is_the_mean_difference_of_neighbours() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (4, 6, 8, 3), np.uint8)
    differences = [np.abs(frames[t + 1].astype(float) - frames[t]).mean() for t in range(3)]
    assert flicker(frames) == pytest.approx((255 - np.mean(differences)) / 255)
    assert flicker(np.repeat(frames[:1], 3, axis=0)) == 1
    black_and_white = np.zeros((3, 4, 4, 3), np.uint8)
    black_and_white[1] = 255
    assert flicker(black_and_white) == 0
    assert flicker(frames[:1]) is None


def moving(frames: int, noise: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(1)
    scene = cv2.GaussianBlur(rng.integers(0, 256, (90, 140, 3), np.uint8), (0, 0), 3)
    scene = cv2.normalize(scene, None, 0, 255, cv2.NORM_MINMAX)
    clip = np.stack([scene[10:74, 2 * t : 2 * t + 96] for t in range(frames)]).astype(np.float64)
    return np.clip(clip + rng.normal(0, noise, clip.shape), 0, 255).astype(np.uint8) if noise else clip.astype(np.uint8)


def test_a_pan_follows_its_flow_and_flicker_does_not() -> None:
    calm = warp_error(moving(4))
    assert calm is not None and calm < 1 / 255
    lit = moving(4).astype(np.int16)
    lit[1::2] += 20
    flickering = lit.clip(0, 255).astype(np.uint8)
    restless = warp_error(flickering)
    assert restless is not None and restless > 10 * calm
    assert warp_excess(flickering, moving(4)) == pytest.approx(255 * (restless - calm))


def test_a_still_clip_has_no_error_and_a_single_frame_no_flow() -> None:
    still = np.repeat(moving(1), 3, axis=0)
    assert warp_error(still) == pytest.approx(0, abs=1e-6)
    assert warp_error(still[:1]) is None
    assert warp_excess(still[:1], still[:1]) is None


def test_frames_too_small_for_a_flow_have_no_error() -> None:
    assert warp_error(moving(3)[:, :15]) is None
    assert warp_error(moving(3)[:, :16]) is not None
    assert warp_error(moving(3)[:, :, :15]) is None
    assert warp_error(moving(3)[:, :, :16]) is not None


def test_what_leaves_the_picture_does_not_count() -> None:
    """The first frame's part that a fast pan drops has nothing to be compared with."""
    clip = moving(2)
    clip[0, :, :2] = 255 - clip[0, :, :2]  # the two columns that the second frame has no more
    error = warp_error(clip)
    assert error is not None and error < 2 / 255
