"""The Photoshop document, read back by psd-tools and ffmpeg's executable."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import psd_tools
import pytest
from tests.clips import make_frame
from tests.layers.export.conftest import MISSING, Case, decode

from vera.color.matrix import ycbcr_to_rgb
from vera.color.tags import ColorTags
from vera.errors import VeraError
from vera.layers.export import export_layers
from vera.layers.export.samples import rescale
from vera.video import planes

BT709 = ColorTags(1, 1, 1, 1)


def layers(path: Path, top: int) -> dict[str, np.ndarray]:
    """Codes `[H,W,4]` by the layer's name."""
    document = psd_tools.PSDImage.open(path)
    return {layer.name: np.rint(np.asarray(layer.numpy()) * top).astype(np.int64) for layer in document}


def plate(pix_fmt: str, seed: int, bits: int) -> np.ndarray:
    """The clip's frame as RGB codes of 16 bits, by our own arithmetic: 4:4:4, so that no chroma is interpolated."""
    codes = np.stack(planes(make_frame((66, 50), pix_fmt, seed)), -1).astype(np.float64)
    return ycbcr_to_rgb(codes, BT709, bits, 50).clip(0, 1) * 65535


@pytest.mark.parametrize(
    ("dtype", "pix_fmt", "depth"),
    [(np.uint8, "yuv444p", 8), (np.uint8, "yuv444p10le", 16), (np.uint16, "yuv444p", 16)],
)
def test_layers_are_exact(
    make_case: Callable[..., Case], tmp_path: Path, dtype: type, pix_fmt: str, depth: int
) -> None:
    case = make_case(tmp_path, dtype, pix_fmt=pix_fmt, color=BT709)
    (folder,) = export_layers(case.folder, "psd", out=tmp_path / "out", still=1008)
    path = folder / "a_clip_layers.1008.psd"
    top = 2**depth - 1
    document = psd_tools.PSDImage.open(path)
    assert (document.size, document.depth) == ((66, 50), depth)
    assert [(layer.name, layer.visible) for layer in document] == [("Plate", True), ("Edit", True), ("Matte", False)]
    found = layers(path, top)
    assert np.array_equal(found["Edit"][..., :3], rescale(case.edit[4], top))
    assert np.array_equal(found["Edit"][..., 3], rescale(case.alpha[4], top))
    assert np.array_equal(found["Matte"][..., 0], rescale(case.alpha[4], top))
    exact = plate(pix_fmt, 7, 10 if pix_fmt.endswith("10le") else 8) * top / 65535
    assert np.abs(found["Plate"][..., :3] - exact).max() < 0.51
    mixed = decode(path, "rgb24" if depth == 8 else "rgb48le", (50, 66, 3), "u1" if depth == 8 else "<u2")[0]
    weight = found["Edit"][..., 3:] / top
    result = weight * found["Edit"][..., :3] + (1 - weight) * found["Plate"][..., :3]
    assert np.abs(mixed - result).max() <= top / 250  # what programs show that know no layers


def test_the_frame_can_be_chosen(case: Case, tmp_path: Path) -> None:
    (folder,) = export_layers(case.folder, "psd", out=tmp_path)
    assert (folder / "a_clip_layers.1007.psd").is_file()  # the middle
    (folder,) = export_layers(case.folder, "psd", out=tmp_path, still=1004 + MISSING)
    assert not layers(folder / f"a_clip_layers.{1004 + MISSING}.psd", 65535)["Edit"].any()
    with pytest.raises(VeraError, match="choose from 1004 to 1009"):
        export_layers(case.folder, "psd", out=tmp_path, still=1003)


def test_a_turned_plate_is_upright(make_case: Callable[..., Case], tmp_path: Path) -> None:
    case = make_case(tmp_path, pix_fmt="yuv444p", rotation=90, color=BT709)
    (folder,) = export_layers(case.folder, "psd", out=tmp_path / "out", still=1004)
    upright = np.rot90(plate("yuv444p", 3, 8) / 257)
    assert np.abs(layers(folder / "a_clip_layers.1004.psd", 255)["Plate"][..., :3] - upright).max() < 0.51
