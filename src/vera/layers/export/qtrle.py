"""QuickTime Animation: 8-bit RGB with alpha, lossless, read by almost everything that reads .mov."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vera.color.tags import ColorTags
from vera.layers.export.movie import Track, write_movies
from vera.layers.export.samples import Planes, rescale
from vera.layers.export.shot import LayerFrames, Shot
from vera.video import Codec

STEPS = """\
Import both movies. Where the program asks, the layer's alpha is straight ("Straight - Unmatted"). Put the layer over
  the plate, at the frame given above.
The samples are the layer's own R'G'B', 8 bits each: the file cannot say of which colour space. Give the clip the
  plate's colour space where the program manages colour."""

_CODEC = Codec("qtrle", True, (".mov",))


def write(shot: Shot, frames: LayerFrames, folder: Path) -> dict[str, str]:
    """Write the layer as ARGB and the matte as grey RGB; returns their names."""
    layer = Track(_CODEC, "argb", _fill_layer)
    return write_movies(shot, frames, folder, ".mov", layer, Track(_CODEC, "rgb24", _fill_matte))


def _fill_layer(planes: Planes, edit: NDArray[Any], alpha: NDArray[np.uint16], color: ColorTags) -> None:
    planes[0][..., 0] = rescale(alpha, 255)
    planes[0][..., 1:] = rescale(edit, 255)


def _fill_matte(planes: Planes, edit: NDArray[Any], alpha: NDArray[np.uint16], color: ColorTags) -> None:
    planes[0][...] = rescale(alpha, 255)[..., None]
