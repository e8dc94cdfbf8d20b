"""Other backgrounds behind a subject, and cheap scores of clips."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.construction.embedded.scenes import SIZE, crossing, texture

from vera.construction.embedded import (
    hash_distance,
    panorama_background,
    perceptual_hash,
    photo_background,
    replace_background,
    screen,
)


def test_the_layers_bring_the_clip_back() -> None:
    scene = crossing(frames=5)
    other = np.stack([texture(*SIZE, seed=1).astype(np.uint8)] * 5)
    found = replace_background(scene.clip, scene.alpha, scene.plate, other)
    away, within = scene.alpha == 0, scene.alpha == 1
    assert (found.source[away] == other[away]).all() and (found.source[within] == scene.clip[within]).all()
    assert (found.edit[away] == scene.clip[away]).all() and (found.edit[within] == scene.plate[within]).all()
    assert (found.composite[away | within] == scene.clip[away | within]).all()
    weight = found.alpha[..., None] / 255
    assert np.abs(found.composite - (weight * found.edit + (1 - weight) * found.source)).max() <= 0.5 + 1e-3
    assert 0 < found.distance < 20


def test_before_its_own_background_nothing_changes() -> None:
    scene = crossing(frames=3)
    found = replace_background(scene.clip, scene.alpha, scene.plate, scene.plate)
    assert found.distance < 3


def test_a_photograph_moves_with_the_camera() -> None:
    scene = crossing(pan=2)
    view = photo_background(texture(400, 300).astype(np.uint8), scene.camera, SIZE)
    assert view.shape == scene.clip.shape
    assert np.abs(view[1:, :, :-2].astype(int) - view[:-1, :, 2:]).max() <= 2


def test_a_panorama_turns_with_the_camera() -> None:
    camera = crossing(pan=2).camera
    columns = np.broadcast_to(np.arange(512) // 2, (256, 512)).astype(np.uint8)
    view = panorama_background(np.repeat(columns[..., None], 3, -1), camera, SIZE, yaw=10, field_of_view=60)
    x = np.arange(SIZE[0])[None] + 2 * np.arange(len(view))[:, None] - (SIZE[0] - 1) / 2
    degrees = np.degrees(np.arctan2(x, SIZE[0] / 2 / np.tan(np.radians(30)))) + 10
    assert np.abs(view[:, SIZE[1] // 2, :, 0] - (degrees / 360 + 0.5) * 256).max() < 1.5


def test_a_still_scores_no_motion_and_a_pan_does() -> None:
    still = np.repeat(crossing().plate[:1], 5, axis=0)
    assert screen(still).motion < 1e-4 and screen(still).jump == 0
    pan = screen(crossing(pan=3).plate)
    assert pan.motion == pytest.approx(3 / np.hypot(*SIZE), rel=0.25)


def test_a_cut_is_a_jump() -> None:
    cut = np.stack([texture(*SIZE, seed).astype(np.uint8) for seed in (0, 0, 1, 1)])
    assert screen(cut).jump > 0.1


def test_blur_blocks_and_black_are_seen() -> None:
    clip = np.stack([np.random.default_rng(0).integers(60, 200, (*SIZE[::-1], 3)).astype(np.uint8)] * 2)
    blurred = np.stack([cv2.GaussianBlur(frame, (0, 0), 2) for frame in clip])
    blocks = np.repeat(np.repeat(clip[:, ::8, ::8], 8, 1), 8, 2)
    assert screen(blurred).sharpness < screen(clip).sharpness / 10
    assert screen(blocks).blockiness > 10 > 2 > screen(clip).blockiness
    assert screen(clip // 100).clipped == 1 and screen(clip).clipped == 0


def test_a_single_frame_has_scores() -> None:
    assert screen(crossing(frames=1).clip).motion == 0


def test_copies_hash_alike_and_others_do_not() -> None:
    photo = texture(320, 180).astype(np.uint8)
    smaller = cv2.resize(photo, (160, 90), interpolation=cv2.INTER_AREA)
    brighter = np.clip(photo * 1.1, 0, 255).astype(np.uint8)
    own = perceptual_hash(photo)
    assert hash_distance(own, perceptual_hash(smaller)) <= 6 and hash_distance(own, perceptual_hash(brighter)) <= 6
    assert hash_distance(own, perceptual_hash(texture(320, 180, 9).astype(np.uint8))) > 16


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_hash_distance_counts_bits(one: int, other: int) -> None:
    assert hash_distance(one, other) == sum(a != b for a, b in zip(f"{one:064b}", f"{other:064b}", strict=True))
