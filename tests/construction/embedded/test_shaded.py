"""Shadows that were not found: which frames show one, and plates without it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.construction.embedded.scenes import SIZE, disc, texture

from vera.construction.embedded import CameraTrack, clean_plate
from vera.construction.embedded.shaded import shaded

COUNT = 9
STILL = CameraTrack(np.broadcast_to(np.eye(3), (COUNT, 3, 3)), 0.0)
PLACE = np.s_[24:40, 40:56]  # what the hole of the middle frame hides
SPOT = disc(48, 32, 26)[..., None]


def seen_dark(pictures: np.ndarray, camera: CameraTrack = STILL) -> np.ndarray:
    """The share of the middle frame's hole in which each other frame is taken to show a shadow."""
    holes = np.zeros(pictures.shape[:3], bool)
    holes[COUNT // 2][PLACE] = True
    others = [s for s in range(COUNT) if s != COUNT // 2]
    found = shaded(np.rint(pictures.clip(0, 255)).astype(np.uint8), holes, camera, others, COUNT // 2)
    return found[:, *PLACE].mean((1, 2))


def dimmed(shares: list[float] | np.ndarray, seed: int = 0) -> np.ndarray:
    """The wall in all frames, with noise, `shares` of whose light a spot takes, by frame or by frame and channel."""
    taken = np.asarray(shares, np.float32).reshape(len(shares), 1, 1, -1)
    noise = np.random.default_rng(seed).normal(0, 1, (COUNT, SIZE[1], SIZE[0], 3))
    return texture(*SIZE, seed) * (1 - taken * SPOT) + noise


@settings(max_examples=20, deadline=None)
@given(st.floats(0.06, 0.22), st.integers(1, 4), st.integers(0, 9))
def test_frames_in_a_shadow_are_told_from_those_without(share: float, lit: int, seed: int) -> None:
    """However few show the ground without it; where most do, the median is without it anyway."""
    shares = np.full(COUNT, share)
    shares[np.random.default_rng(seed).permutation([0, 1, 2, 3, 5, 6, 7, 8])[:lit]] = 0
    found = seen_dark(dimmed(shares, seed))
    dark = np.delete(shares, COUNT // 2) > 0
    assert found[dark].min() > 0.9 and (found[~dark] == 0).all()


@settings(max_examples=20, deadline=None)
@given(st.floats(0, 0.25), st.integers(0, 9))
def test_a_shadow_that_stands_still_is_none(share: float, seed: int) -> None:
    assert (seen_dark(dimmed(np.full(COUNT, share), seed)) == 0).all()


def test_other_colours_are_no_shadow() -> None:
    shares = np.zeros((COUNT, 3))
    shares[::2] = 0.2, 0.2, 0.0
    assert (seen_dark(dimmed(shares)) == 0).all()


def test_what_stands_before_something_brighter_is_no_shadow() -> None:
    shares = np.zeros(COUNT)
    shares[::2] = 0.5
    assert seen_dark(dimmed(shares)).max() < 0.1


@pytest.mark.parametrize("seed", range(4))
def test_misplaced_frames_are_no_shadow(seed: int) -> None:
    """Of a wall with fine texture: they are darker at one place and brighter beside it."""
    wall = np.random.default_rng(seed).uniform(60, 200, (SIZE[1] + 8, SIZE[0] + 8, 1)).astype(np.float32)
    wall = np.repeat(wall, 3, -1)
    moved = [wall[t % 3 : t % 3 + SIZE[1], t % 4 : t % 4 + SIZE[0]] for t in range(COUNT)]
    assert seen_dark(np.stack(moved)).max() < 0.05


def test_without_other_frames_nothing_is_found() -> None:
    holes = np.ones((1, SIZE[1], SIZE[0]), bool)
    assert shaded(np.zeros((*holes.shape, 3), np.uint8), holes, STILL, [], 0).shape == (0, SIZE[1], SIZE[0])


@pytest.mark.faults
@pytest.mark.parametrize("lit", [1, 2, 3])
def test_a_plate_is_without_a_shadow_that_most_frames_show(lit: int) -> None:
    shares = np.full(COUNT, 0.15)
    shares[:lit] = 0
    clip = np.rint(dimmed(shares).clip(0, 255)).astype(np.uint8)
    holes = np.zeros(clip.shape[:3], bool)
    holes[COUNT // 2][PLACE] = True
    plate = clean_plate(clip, holes, STILL)
    error = plate.frames[COUNT // 2][PLACE] - texture(*SIZE)[PLACE]
    assert np.abs(error).mean() < 1.5 and (plate.frames[~holes] == clip[~holes]).all()
    assert (plate.evidence[holes] == COUNT - 1).all()  # a frame that shows it in shadow shows it
