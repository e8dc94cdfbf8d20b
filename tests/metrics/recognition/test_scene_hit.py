"""Views of panoramas, and the nearest of them."""

import numpy as np

from vera.metrics.recognition.features import Pictures, Vectors, unit_vectors
from vera.metrics.recognition.scene_hit import VIEWS, WIDTH, scene_gallery, scene_vector, scene_views


def mean_color(pictures: Pictures) -> Vectors:
    return unit_vectors(pictures.mean(axis=(1, 2), dtype=np.float32))


def test_views_go_once_around_the_horizon() -> None:
    panorama = np.zeros((64, 128, 3), np.uint8)
    panorama[..., 0] = np.arange(128)
    views = scene_views(panorama)
    assert views.shape[0] == VIEWS and views.shape[2] == round(128 * WIDTH)
    assert views[:, 0, 0, 0].tolist() == [view * 128 // VIEWS for view in range(VIEWS)]


def test_the_scene_of_a_clip_is_the_nearest_panorama() -> None:
    colors = {"meadow": (20, 200, 20), "sea": (10, 60, 220)}
    panoramas = {name: np.full((32, 64, 3), color, np.uint8) for name, color in colors.items()}
    gallery = scene_gallery(panoramas, mean_color)
    clip = np.full((5, 18, 32, 3), (30, 80, 200), np.uint8)
    assert gallery.rank(scene_vector(clip, mean_color), "sea") == 1
    assert gallery.rank(scene_vector(clip, mean_color), "meadow") == 2
