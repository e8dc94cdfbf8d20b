"""Sprites, photographs and panoramas as they are read."""

from pathlib import Path

import numpy as np
from tests.data.synthetic_assets import SPRITES, make_assets

from vera.data.synthesis.assets import SUN, crop, load_panoramas, load_photos, load_sprites, mend, shrink
from vera.data.synthesis.vocabulary import SCENES


def test_sprites_are_cut_to_what_is_seen(tmp_path: Path) -> None:
    folder = make_assets(tmp_path) / "fluent-emoji-3d" / "assets"
    sprites = load_sprites(folder, list(SPRITES))
    for rgba in sprites.values():
        assert rgba.shape == (128, 128, 4)
        assert rgba[64, [0, -1], 3].min() > 0 and rgba[[0, -1], 64, 3].min() > 0
    assert sprites["strawberry"][64, 64].argsort()[-2] == 1  # drawn green


def test_shrinking_takes_no_colour_from_what_is_not_seen() -> None:
    rgba = np.zeros((64, 32, 4), np.uint8)
    rgba[..., 2] = 255  # blue under alpha 0
    rgba[8:60, 5:25] = (200, 0, 0, 255)
    small = shrink(crop(rgba), 26)
    assert small.shape == (26, 10, 4)
    assert (small[small[..., 3] > 0][:, 2] == 0).all()


def test_photos_are_of_one_height_and_wider_than_tall() -> None:
    photos = load_photos()
    assert len(photos) == 39
    assert all(photo.shape[0] == 320 <= photo.shape[1] for photo in photos.values())


def test_panoramas_are_those_of_the_vocabulary(tmp_path: Path) -> None:
    panoramas = load_panoramas(make_assets(tmp_path) / "pmndrs" / "hdri")
    assert list(panoramas) == list(SCENES)
    assert panoramas["park"].rgb.dtype == np.uint8 and panoramas["park"].rgb.std() > 5


def test_a_sun_gets_its_red_and_green_back_and_specks_are_filled() -> None:
    sky = np.full((32, 64, 3), 0.3, np.float32)
    sky[10, 20:23] = (0.4, 0.3, 9000)
    sky[5, 5] = (30, 1, 0.05)  # a red lamp stays
    sky[20, 40] = (-0.2, 0.0, 0.1)
    mended = mend(sky.copy())
    red, green, blue = mended[10, 21]
    assert red == SUN and red > green > blue > 0.8 * SUN
    assert np.array_equal(mended[5, 5, :2], sky[5, 5, :2])
    assert mended.min() >= 0.05 and np.allclose(mended[20, 40, :2], 0.3)
