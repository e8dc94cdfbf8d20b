"""Masks of any storage: white is white, and one without white is told."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.clips import make_clip
from tests.masks import read_mask

from vera.errors import VeraError
from vera.layers.masks import check_mask, check_white
from vera.video import open_clip

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


def save(path: Path, picture: Image.Image) -> None:
    """As a still, or three times in the folder `frames`, however it is named."""
    folder = path if path.suffix == "" else path.parent
    if folder.name != "frames":
        picture.save(path)
        return
    folder.mkdir()
    for index in range(3):
        picture.save(folder / f"m.{index:04d}.png")


@pytest.mark.parametrize("mode", ["1", "L", "P", "I;16", "LA", "RGB", "RGBA", "labels"])
@pytest.mark.parametrize("name", ["m.png", "m.tif", "mask #1.png", "frames", "frames/m.####.png", "frames/m.%04d.png"])
def test_masks_of_any_storage(tmp_path: Path, mode: str, name: str) -> None:
    save(tmp_path / name, stored(mode))
    source = open_clip(make_clip(tmp_path / "a.mp4", 3))
    check_mask(tmp_path / name, source)
    np.testing.assert_array_equal(read_mask(tmp_path / name, 3, 64, 48), [SHAPE] * 3)


@pytest.mark.parametrize("name", ["m.png", "frames"])
def test_labels_0_and_1_are_black_and_white(tmp_path: Path, name: str) -> None:
    save(tmp_path / name, stored("L", 1))
    np.testing.assert_array_equal(read_mask(tmp_path / name, 3, 64, 48), [SHAPE] * 3)


@pytest.mark.parametrize("name", ["m.png", "frames"])
def test_other_labels_are_refused(tmp_path: Path, name: str) -> None:
    save(tmp_path / name, stored("L", 3))
    with pytest.raises(VeraError, match=r"nothing in it is white \(the brightest is 3 of 255\); paint"):
        check_white(tmp_path / name, (64, 48), 3)
    assert not read_mask(tmp_path / name, 3, 64, 48).any()


def test_a_mask_without_white_is_told(tmp_path: Path) -> None:
    save(tmp_path / "m.png", stored("L", 0))
    save(tmp_path / "m.jpg", stored("L", 20))
    for name in ("m.png", "m.jpg"):
        with pytest.warns(UserWarning, match="nothing in it is white .* nothing is preserved"):
            check_white(tmp_path / name, (64, 48), 3)


def test_white_is_looked_for_no_further_than_needed(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    save(tmp_path / "frames", stored("L", 0))
    stored("L").save(tmp_path / "frames" / "m.0001.png")
    (tmp_path / "frames" / "m.0002.png").write_bytes(b"no picture")
    check_white(tmp_path / "frames" / "m.####.png", (64, 48), 3)
    assert not recwarn.list
    with pytest.warns(UserWarning, match="nothing in it is white"):
        check_white(tmp_path / "frames" / "m.####.png", (64, 48), 1)
