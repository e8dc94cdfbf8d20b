"""TIFF pictures of JPEG, which FFmpeg shows as noise, are refused, as footage and as masks."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vera.errors import VeraError
from vera.video import open_clip
from vera.video.open import open_picture

pytestmark = pytest.mark.faults

PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (48, 64, 3)).astype(np.uint8))


@pytest.mark.parametrize("mode", ["RGB", "L", "YCbCr"])
def test_jpeg_is_refused(tmp_path: Path, mode: str) -> None:
    for number in range(2):
        PICTURE.save(tmp_path / f"a.{number}.tif")
    PICTURE.convert(mode).save(tmp_path / "a.1.tif", compression="jpeg")
    for read in (open_clip, lambda folder: open_picture(folder / "a.1.tif")):
        with pytest.raises(VeraError, match=r"a\.1\.tif: is a TIFF with JPEG compression"):
            read(tmp_path)


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_others_pass(tmp_path: Path, compression: str) -> None:
    for number in range(2):
        PICTURE.save(tmp_path / f"a.{number}.tif", compression=compression)
    assert open_clip(tmp_path).frame_count == 2
