"""The pictures that an object is recognised by; features that can be checked by hand."""

import numpy as np
import pytest

from vera.metrics.recognition.features import SIDE, Pictures, Vectors, unit_vectors
from vera.metrics.recognition.object_hit import BACKDROPS, object_gallery, object_pictures, object_vector


def mean_color(pictures: Pictures) -> Vectors:
    """A network that sees nothing but the middle of a picture."""
    middle = pictures[:, SIDE * 2 // 5 : SIDE * 3 // 5, SIDE * 2 // 5 : SIDE * 3 // 5]
    return unit_vectors(middle.mean(axis=(1, 2)).astype(np.float32))


def layer(color: tuple[int, int, int], frames: int = 2) -> tuple[np.ndarray, np.ndarray]:
    edit = np.full((frames, 40, 60, 3), (90, 10, 200), np.uint8)
    alpha = np.zeros((frames, 40, 60), np.float32)
    edit[:, 10:30, 4:18], alpha[:, 10:30, 4:18] = color, 1
    return edit, alpha


def test_the_object_fills_the_picture_over_each_backdrop() -> None:
    edit, alpha = layer((250, 120, 0))
    pictures = object_pictures(edit[0], alpha[0])
    assert pictures is not None and pictures.shape == (len(BACKDROPS), SIDE, SIDE, 3)
    assert (pictures[:, SIDE // 2, SIDE // 2] == (250, 120, 0)).all()
    assert (pictures[:, 0, 0] == np.array(BACKDROPS)[:, None]).all()
    # 20 of 24 rows, and 14 of 24 columns, are the object.
    solid = (pictures[1] == (250, 120, 0)).all(axis=-1)
    assert solid.any(axis=1).mean() == pytest.approx(20 / 24, abs=0.06)
    assert solid.any(axis=0).mean() == pytest.approx(14 / 24, abs=0.06)


def test_neither_shadow_nor_speck_is_in_it() -> None:
    edit, alpha = layer((250, 120, 0))
    plain = object_pictures(edit[0], alpha[0])
    alpha[0, 35:, :] = 0.4
    alpha[0, 5, 40] = 1
    again = object_pictures(edit[0], alpha[0])
    assert plain is not None and again is not None and np.array_equal(plain, again)


def test_an_object_at_the_edge_of_the_frame() -> None:
    edit, alpha = np.full((8, 8, 3), 77, np.uint8), np.zeros((8, 8), np.float32)
    alpha[:, :2] = 1
    pictures = object_pictures(edit, alpha)
    assert pictures is not None and (pictures[0, SIDE // 2, SIDE // 2] == 77).all()


def test_the_nearest_class_of_a_coloured_box() -> None:
    def cutout(color: tuple[int, int, int]) -> np.ndarray:
        rgba = np.zeros((100, 80, 4), np.uint8)
        rgba[5:-5, 5:-5] = (*color, 255)
        return rgba

    cutouts = {"red": [cutout((250, 0, 0))], "green": [cutout((0, 250, 0)), cutout((80, 250, 0))]}
    gallery = object_gallery(cutouts, mean_color)
    assert len(gallery.vectors) == 4 + 8  # two heights, two ways round, for each cut-out
    for color, name in (((240, 20, 10), "red"), ((60, 200, 10), "green")):
        vector = object_vector(*layer(color), mean_color)
        assert vector is not None and gallery.rank(vector, name) == 1


def test_without_an_object_there_is_nothing_to_recognise() -> None:
    edit, alpha = layer((1, 2, 3))
    assert object_vector(edit, alpha * 0.4, mean_color) is None
