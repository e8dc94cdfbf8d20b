"""TIFF pictures that FFmpeg shows as noise are refused, as footage and as masks."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vera.errors import VeraError
from vera.video import open_clip
from vera.video.open import open_picture

pytestmark = pytest.mark.faults

PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (48, 64, 3)).astype(np.uint8))


@pytest.mark.parametrize(("mode", "compression"), [("RGB", "jpeg"), ("L", "jpeg"), ("YCbCr", "jpeg"), ("YCbCr", "raw")])
def test_jpeg_and_ycbcr_are_refused(tmp_path: Path, mode: str, compression: str) -> None:
    for number in range(2):
        PICTURE.save(tmp_path / f"a.{number}.tif")
    PICTURE.convert(mode).save(tmp_path / "a.1.tif", compression=compression)
    for read in (open_clip, lambda folder: open_picture(folder / "a.1.tif")):
        with pytest.raises(VeraError, match=r"a\.1\.tif: is a TIFF of JPEG or YCbCr samples"):
            read(tmp_path)


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_others_pass(tmp_path: Path, compression: str) -> None:
    for number in range(2):
        PICTURE.save(tmp_path / f"a.{number}.tif", compression=compression)
    assert open_clip(tmp_path).frame_count == 2
