"""PNG and TIFF sequences, read back by ffmpeg's executable, libpng and libtiff (OpenCV) and Pillow."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from tests.layers.export.conftest import Case, decode

from vera.layers.export import export_layers
from vera.layers.export.samples import rescale

TARGETS = [("png", ".png"), ("tiff", ".tif")]


@pytest.mark.parametrize(("target", "suffix"), TARGETS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_sixteen_bits_are_exact(
    make_case: Callable[..., Case], tmp_path: Path, target: str, suffix: str, dtype: type
) -> None:
    case = make_case(tmp_path, dtype)
    (folder,) = export_layers(case.folder, target, out=tmp_path / "out", start_frame=86400)
    numbers = range(86403, 86409)
    names = [f"a_clip_layer_straight.{number}{suffix}" for number in numbers]
    assert sorted(path.name for path in (folder / "layer").iterdir()) == names
    for index, number in enumerate(numbers):
        rgba = np.dstack([rescale(case.edit[index], 65535), case.alpha[index]])
        path = folder / "layer" / names[index]
        assert np.array_equal(decode(path, "rgba64le", (50, 66, 4), "<u2")[0], rgba)
        assert np.array_equal(cv2.imread(str(path), cv2.IMREAD_UNCHANGED)[..., [2, 1, 0, 3]], rgba)
        matte = folder / "matte" / f"a_clip_matte.{number}{suffix}"
        assert np.array_equal(cv2.imread(str(matte), cv2.IMREAD_UNCHANGED), case.alpha[index])
        assert np.array_equal(decode(matte, "gray16le", (50, 66), "<u2")[0], case.alpha[index])


def test_tiff_says_that_its_alpha_is_straight(case: Case, tmp_path: Path) -> None:
    (folder,) = export_layers(case.folder, "tiff", out=tmp_path)
    with Image.open(next((folder / "layer").iterdir())) as image:
        assert image.tag_v2[338] == (2,)  # ExtraSamples: unassociated alpha
        assert image.tag_v2[259] == 5  # LZW


def test_png_has_no_tags_that_would_change_its_colours(case: Case, tmp_path: Path) -> None:
    (folder,) = export_layers(case.folder, "png", out=tmp_path)
    data = next((folder / "layer").iterdir()).read_bytes()
    assert not any(chunk in data for chunk in (b"gAMA", b"cHRM", b"iCCP", b"sRGB", b"cICP"))


def test_a_folder_with_a_percent_sign(case: Case, tmp_path: Path) -> None:
    out = tmp_path / "100%d [a] {b}"
    out.mkdir()
    (folder,) = export_layers(case.folder, "png", out=out)
    assert len(list((folder / "layer").iterdir())) == 6


def test_numbers_are_as_wide_for_all_frames(case: Case, tmp_path: Path) -> None:
    (folder,) = export_layers(case.folder, "png", out=tmp_path, start_frame=9990)
    assert sorted(path.name for path in (folder / "matte").iterdir())[0] == "a_clip_matte.09993.png"
