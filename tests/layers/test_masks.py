"""Masks of any storage: white is white, and one without white is told."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.clips import make_clip

from vera.layers.masks import check_mask, read_mask
from vera.video import probe

pytestmark = pytest.mark.faults

SHAPE = np.add.outer(np.arange(48), np.arange(64)) % 23 < 9


def stored(mode: str, white: int = 255) -> Image.Image:
    grey = Image.fromarray((SHAPE * white).astype(np.uint8))
    if mode == "I;16":
        return Image.fromarray((SHAPE * 65535).astype(np.uint16))
    if mode == "labels":
        image = Image.fromarray(SHAPE.astype(np.uint8), "P")
        image.putpalette([0, 0, 0, 255, 255, 255])
        return image
    return grey.convert(mode)


@pytest.mark.parametrize("mode", ["1", "L", "P", "I;16", "LA", "RGB", "RGBA", "labels"])
@pytest.mark.parametrize("name", ["m.png", "m.tif", "frames"])
def test_masks_of_any_storage(tmp_path: Path, mode: str, name: str) -> None:
    if name == "frames":
        (tmp_path / name).mkdir()
        for index in range(3):
            stored(mode).save(tmp_path / name / f"m.{index}.png")
    else:
        stored(mode).save(tmp_path / name)
    source = probe(make_clip(tmp_path / "a.mp4", 3))
    check_mask(tmp_path / name, source)
    np.testing.assert_array_equal(read_mask(tmp_path / name, 3, 64, 48), [SHAPE] * 3)


@pytest.mark.parametrize("name", ["m.png", "frames"])
def test_a_mask_without_white_is_told(tmp_path: Path, name: str) -> None:
    if name == "frames":
        (tmp_path / name).mkdir()
        for index in range(3):
            stored("L", 1).save(tmp_path / name / f"m.{index}.png")
    else:
        stored("L", 1).save(tmp_path / name)
    with pytest.warns(UserWarning, match=r"nothing in it is white \(the brightest is 1 of 255\)"):
        assert not read_mask(tmp_path / name, 3, 64, 48).any()
