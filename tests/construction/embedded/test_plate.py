"""The camera, clean plates and what they rest on."""

import cv2
import numpy as np
import pytest
from tests.construction.embedded.scenes import crossing

from vera.construction.embedded import (
    BESIDE_LIMIT,
    UNSEEN_LIMIT,
    CameraTrack,
    clean_plate,
    fidelity_beside,
    holes_of,
    track_camera,
    unseen_share,
)
from vera.construction.embedded.background_median import masked_quantile


@pytest.mark.parametrize("pan", [0, 1, 2])
def test_a_pan_is_found(pan: int) -> None:
    scene = crossing(pan=pan)
    camera = track_camera(scene.clip, scene.masks)
    places = camera.to_first @ np.array([48, 32, 1.0])
    expected = scene.camera.to_first @ np.array([48, 32, 1.0])
    assert np.abs(places / places[:, 2:] - expected).max() < 0.3
    assert camera.residual < 0.1
    assert np.allclose(camera.between(3, 7) @ camera.between(7, 3), np.eye(3), atol=1e-9)


def test_a_still_without_corners_has_a_still_camera() -> None:
    camera = track_camera(np.full((3, 48, 64, 3), 90, np.uint8))
    assert (camera.to_first == np.eye(3)).all() and camera.residual == 1


def test_a_plate_is_what_other_frames_show_and_the_clip_elsewhere() -> None:
    scene = crossing(frames=15)
    holes = holes_of(scene.masks)
    plate = clean_plate(scene.clip, holes, scene.camera)
    assert (plate.frames[~holes] == scene.clip[~holes]).all() and not plate.evidence[~holes].any()
    seen = holes & (plate.evidence > 0)
    assert np.abs(plate.frames[seen].astype(int) - scene.plate[seen]).max() <= 1
    assert unseen_share(plate, holes) < UNSEEN_LIMIT


def test_chosen_frames_have_the_plate_of_all() -> None:
    scene = crossing(frames=9)
    holes = holes_of(scene.masks)
    whole, some = clean_plate(scene.clip, holes, scene.camera), clean_plate(scene.clip, holes, scene.camera, [2, 7])
    assert (some.frames[[2, 7]] == whole.frames[[2, 7]]).all() and (
        some.evidence[[2, 7]] == whole.evidence[[2, 7]]
    ).all()
    assert (some.frames[3] == scene.clip[3]).all() and not some.evidence[3].any()


def test_beside_the_holes_the_clip_tells_how_good_a_plate_is() -> None:
    scene = crossing(frames=15)
    holes = holes_of(scene.masks)
    good = fidelity_beside(scene.clip, holes, scene.camera)
    turned = np.stack([cv2.getRotationMatrix2D((48.0, 32.0), 20.0 * t, 1.0) for t in range(15)])
    wrong = CameraTrack(np.concatenate([turned, np.tile([[[0.0, 0.0, 1.0]]], (15, 1, 1))], axis=1), 0.0)
    bad = fidelity_beside(scene.clip, holes, wrong)
    assert good > 40 > BESIDE_LIMIT > bad > 0
    rare = np.where(np.arange(15)[:, None, None] == 7, holes, False)
    assert fidelity_beside(scene.clip, rare, scene.camera) > 40  # though few frames have a hole
    assert fidelity_beside(scene.clip, np.zeros_like(holes), scene.camera) == 0


def test_what_no_frame_shows_is_told_by_the_evidence() -> None:
    scene = crossing(speed=0, pan=0)
    holes = holes_of(scene.masks)
    plate = clean_plate(scene.clip, holes, scene.camera)
    assert unseen_share(plate, holes) == 1 and not plate.evidence.any()
    assert (plate.frames[holes] != scene.clip[holes]).any()


def test_without_holes_the_plate_is_the_clip() -> None:
    scene = crossing()
    holes = np.zeros_like(scene.masks)
    plate = clean_plate(scene.clip, holes, scene.camera)
    assert (plate.frames == scene.clip).all() and unseen_share(plate, holes) == 0


def test_the_masked_median_is_numpys() -> None:
    random = np.random.default_rng(0)
    pictures = random.integers(0, 256, (7, 6, 5, 3)).astype(np.uint8)
    shown = random.random((7, 6, 5)) < 0.6
    shown[:, 0, 0] = False
    expected = np.ma.median(np.ma.array(pictures, mask=np.broadcast_to(~shown[..., None], pictures.shape)), axis=0)
    assert (masked_quantile(pictures, shown, 0.5) == expected.filled(0)).all()
