"""Changes from frame to frame: closed forms, and clips that move as one."""

import cv2
import numpy as np
import pytest

from vera.metrics.temporal import dtssd, warp_error


def test_dtssd_does_not_mind_a_constant_error() -> None:
    truth = np.random.default_rng(0).random((4, 6, 8)).astype(np.float32) / 2
    assert dtssd(truth + np.float32(0.25), truth) == pytest.approx(0, abs=1e-4)


def test_dtssd_of_a_flickering_matte() -> None:
    alpha = np.zeros((3, 4, 4), np.float32)
    alpha[1, 0] = 0.5  # a quarter of the pixels goes up and comes down by 0.5
    assert dtssd(alpha, np.zeros_like(alpha)) == pytest.approx(100 * 0.5 * 0.25**0.5)
    assert dtssd(alpha[:1], alpha[:1]) is None


def moving(frames: int, noise: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(1)
    scene = cv2.GaussianBlur(rng.integers(0, 256, (90, 140, 3), np.uint8), (0, 0), 3)
    scene = cv2.normalize(scene, None, 0, 255, cv2.NORM_MINMAX)
    clip = np.stack([scene[10:74, 2 * t : 2 * t + 96] for t in range(frames)]).astype(np.float64)
    return np.clip(clip + rng.normal(0, noise, clip.shape), 0, 255).astype(np.uint8) if noise else clip.astype(np.uint8)


def test_a_pan_follows_its_flow_and_flicker_does_not() -> None:
    calm = warp_error(moving(4))
    assert calm is not None and calm < 1 / 255
    flicker = moving(4).astype(np.int16)
    flicker[1::2] += 20
    lit = warp_error(flicker.clip(0, 255).astype(np.uint8))
    assert lit is not None and lit > 10 * calm


def test_a_still_clip_has_no_error_and_a_single_frame_no_flow() -> None:
    still = np.repeat(moving(1), 3, axis=0)
    assert warp_error(still) == pytest.approx(0, abs=1e-6)
    assert warp_error(still[:1]) is None
