"""What moves over the background: picked by clicks, and proposed without."""

import numpy as np
import pytest
from tests.construction.embedded.scenes import crossing

from vera.construction.embedded import Prompts, changes, pick_moving, propose_objects, track_moving
from vera.construction.embedded.regions import grown, overlap


def test_changes_hold_the_object_and_little_around() -> None:
    scene = crossing(frames=15, speed=7)
    found = changes(scene.clip, scene.camera)
    near = np.stack([grown(mask, 6) for mask in scene.masks])
    assert found[scene.masks].mean() > 0.85 and (found & ~near).mean() < 0.005
    assert not changes(scene.plate, scene.camera).any()


def test_one_click_follows_a_fast_object() -> None:
    scene = crossing(frames=15, speed=7)
    picked = track_moving(scene.clip, {7: Prompts(plus=[(48, 26)])})
    whole = [t for t in range(15) if 15 < 48 + 7 * (t - 7) < 80]
    assert min(overlap(picked[t], scene.masks[t]) for t in whole) > 0.65


def test_a_click_beside_drops_a_part() -> None:
    scene = crossing(frames=15, speed=7)
    changed = changes(scene.clip, scene.camera)
    assert not pick_moving(scene.clip, changed, {7: Prompts(plus=[(48, 26)], minus=[(48, 26)])})[7].any()
    assert not pick_moving(scene.clip, changed, {7: Prompts()}).any()


@pytest.mark.faults
def test_what_points_beside_the_picture_points_at_nothing() -> None:
    scene = crossing(frames=15, speed=7)
    changed = changes(scene.clip, scene.camera)
    right = pick_moving(scene.clip, changed, {7: Prompts(plus=[(48, 26)])})
    beside = [(500, 10), (10, 500), (-1, -1)]
    assert right[7].any()
    assert np.array_equal(pick_moving(scene.clip, changed, {7: Prompts(plus=[(48, 26)], minus=beside)}), right)
    assert not pick_moving(scene.clip, changed, {7: Prompts(plus=[(-20, -20), (500, 10)])}).any()
    assert not pick_moving(scene.clip, changed, {7: Prompts(box=(-10, -10, 5, 5))}).any()


def test_the_object_that_crosses_is_proposed_whole() -> None:
    scene = crossing(frames=15, speed=7)
    best = propose_objects(scene.clip)[0]
    assert overlap(best.mask, scene.masks[best.frame]) > 0.75
    assert 0.4 < best.score <= 1
    assert not (best.mask[:, 0].any() or best.mask[:, -1].any())


def test_an_empty_scene_has_nothing_to_propose() -> None:
    assert propose_objects(crossing().plate) == []
