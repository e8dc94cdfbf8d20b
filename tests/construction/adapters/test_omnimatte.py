"""Layers that are fitted to a clip: they reproduce it, hold to holes and mattes, and are the same every time."""

import numpy as np
import pytest

from vera.construction.adapters.omnimatte import Fit, fit_layers

FRAMES, HEIGHT, WIDTH = 2, 40, 64
FIT = Fit(steps=400, frames=2)


def scene() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """A red square over a grey plate, with smoke beside it that covers half: clip, plate, holes and the square."""
    rng = np.random.default_rng(0)
    plate = np.stack([rng.integers(90, 110, (HEIGHT, WIDTH, 3), dtype=np.uint8)] * FRAMES)
    clip, mattes = plate.copy(), np.zeros((FRAMES, HEIGHT, WIDTH), np.float32)
    mattes[:, 8:20, 8:20] = 1
    clip[:, 8:20, 8:20] = (200, 20, 20)
    clip[:, 8:20, 30:42] = plate[:, 8:20, 30:42] // 2 + 110
    holes = np.zeros(mattes.shape, bool)
    holes[:, 4:26, 4:46] = True
    return clip, plate, holes, mattes


@pytest.fixture(scope="module")
def fitted() -> tuple[np.ndarray, np.ndarray]:
    clip, plate, holes, mattes = scene()
    found = fit_layers(clip, plate, holes, mattes, FIT)
    return found.edit, found.alpha


def test_layers_over_the_plate_are_the_clip(fitted: tuple[np.ndarray, np.ndarray]) -> None:
    (clip, plate, holes, mattes), (edit, alpha) = scene(), fitted
    made = alpha[..., None] * edit + (1 - alpha[..., None]) * plate
    error = np.abs(made - clip).mean(-1)
    assert error[mattes > 0].max() < 1 and error[holes].mean() < 3
    assert not alpha[~holes].any() and (alpha >= mattes).all() and alpha.max() <= 1
    assert edit.dtype == np.uint8 and alpha.dtype == np.float32


def test_what_is_half_there_is_found_and_the_rest_is_not(fitted: tuple[np.ndarray, np.ndarray]) -> None:
    _, alpha = fitted
    smoke, nothing = alpha[:, 10:18, 32:40].mean(), alpha[:, 4:6, 4:46].mean()
    assert 0.3 < smoke <= 1 and nothing < 0.25


def test_the_same_every_time_and_the_process_s_random_numbers_stay(fitted: tuple[np.ndarray, np.ndarray]) -> None:
    import torch

    clip, plate, holes, mattes = scene()
    torch.manual_seed(7)
    before = torch.get_rng_state().tolist()
    short = Fit(steps=3, frames=2)
    one, other = (fit_layers(clip, plate, holes, mattes, short) for _ in range(2))
    assert (one.alpha == other.alpha).all() and (one.edit == other.edit).all()
    assert torch.get_rng_state().tolist() == before
    assert (fit_layers(clip, plate, holes, mattes, Fit(3, 2, seed=1)).alpha != one.alpha).any()
