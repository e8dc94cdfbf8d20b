"""Local registration: scenes of two planes, of which the camera's homography knows one."""

import cv2
import numpy as np
import pytest
from tests.construction.embedded.scenes import texture

from vera.construction.embedded import CameraTrack, clean_plate, plate
from vera.construction.embedded.background_median import halved, placed
from vera.construction.embedded.parallax import find_displacements
from vera.layers.refine.motion import grey

WIDTH, HEIGHT, COUNT, EDGE = 192, 128, 21, 64  # the lower plane begins at EDGE
PAN = 1  # pixels a frame


def travelling(passes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, CameraTrack]:
    """Clip, plate, holes and the upper plane's camera: the lower plane goes left faster by `passes` pixels a frame."""
    size = WIDTH + (PAN + passes) * COUNT, HEIGHT
    upper, lower = (cv2.resize(texture(size[0] // 3, HEIGHT // 3, seed), size) for seed in (1, 2))  # flow needs patches
    pictures, clip, holes = [], [], []
    for t in range(COUNT):
        left, right = PAN * t, (PAN + passes) * t
        picture = np.vstack([upper[:EDGE, left : left + WIDTH], lower[EDGE:, right : right + WIDTH]])
        rows, columns = np.mgrid[:HEIGHT, :WIDTH]
        hole = np.hypot(columns - WIDTH / 2 - 6 * (t - COUNT // 2), rows - EDGE) < 20
        pictures.append(picture)
        clip.append(np.where(hole[..., None], 255, picture))
        holes.append(hole)
    to_first = np.stack([np.array([[1, 0, PAN * t], [0, 1, 0], [0, 0, 1.0]]) for t in range(COUNT)])
    codes = [np.rint(np.stack(each)).astype(np.uint8) for each in (clip, pictures)]
    return codes[0], codes[1], np.stack(holes), CameraTrack(to_first, 0.0)


def psnr(found: np.ndarray, truth: np.ndarray, where: np.ndarray) -> float:
    return float(-10 * np.log10(np.square((found[where].astype(np.float32) - truth[where]) / 255).mean() + 1e-10))


def test_a_plate_before_two_planes_is_better_than_one_homography(monkeypatch: pytest.MonkeyPatch) -> None:
    clip, truth, holes, camera = travelling(1)
    found = clean_plate(clip, holes, camera)
    monkeypatch.setattr(plate, "find_displacements", lambda *_: None)
    one_plane = clean_plate(clip, holes, camera)
    seen = holes & (found.evidence > 0) & (one_plane.evidence > 0)
    lower = seen & (np.arange(HEIGHT) >= EDGE)[:, None]
    assert psnr(found.frames, truth, lower) > psnr(one_plane.frames, truth, lower) + 6
    assert psnr(found.frames, truth, seen & ~lower) > 35
    assert (found.frames[~holes] == clip[~holes]).all()


def test_displacements_are_those_of_the_nearer_plane() -> None:
    clip, _, holes, camera = travelling(1)
    small, covered, small_camera = halved(clip, holes, camera)
    greys, t = np.stack([grey(frame) for frame in small]), COUNT // 2
    found = find_displacements(greys, covered, small_camera, [s for s in range(COUNT) if s != t], t)
    assert found is not None
    inside = covered[t] & found.better
    lower = inside & (np.arange(HEIGHT // 2) >= EDGE // 2 + 4)[:, None]
    assert lower.sum() > 0.5 * covered[t][EDGE // 2 + 4 :].sum()
    off = [np.hypot(*(field[lower] - [(t - s) / 2, 0]).T) for s, field in found.fields.items()]
    assert np.median(off) < 0.5


def test_one_plane_is_left_to_its_homography() -> None:
    clip, _, holes, camera = travelling(0)
    small, covered, small_camera = halved(clip, holes, camera)
    greys = np.stack([grey(frame) for frame in small])
    for t in range(COUNT):
        others = [s for s in range(COUNT) if s != t]
        assert find_displacements(greys, covered, small_camera, others, t) is None


def test_a_field_moves_as_a_matrix_does() -> None:
    picture = cv2.GaussianBlur(texture(40, 30), (0, 0), 1.5).astype(np.uint8)
    matrix = np.array([[1, 0.05, 2], [-0.02, 1.1, 1], [1e-4, 0, 1]])
    shift = np.array([[1, 0, -3], [0, 1, -2], [0, 0, 1.0]])
    field = np.broadcast_to(np.float32([3, 2]), (24, 36, 2))
    by_field = placed(picture, matrix, (36, 24), field=field)
    assert np.abs(by_field.astype(int) - placed(picture, shift @ matrix, (36, 24))).max() <= 3
