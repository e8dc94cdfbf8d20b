"""FFV1 in Matroska: the layers' own samples, 16 bits, lossless; for archives, ffmpeg and programs built on it."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vera.color.tags import ColorTags
from vera.layers.export.movie import Track, write_movies
from vera.layers.export.samples import Planes, rescale
from vera.layers.export.shot import LayerFrames, Shot
from vera.video import CODECS

STEPS = """\
ffmpeg: ffmpeg -i PLATE -itsoffset SECONDS -i {layer} -filter_complex overlay=eof_action=pass OUT
  lays the layer over the plate from SECONDS on.
Programs built on ffmpeg, such as Kdenlive, Shotcut and Blender, open it as a clip; its alpha is straight.
Times are rounded to milliseconds, as Matroska keeps them."""


def write(shot: Shot, frames: LayerFrames, folder: Path) -> dict[str, str]:
    """Write the layer as 16-bit RGB with alpha and the matte as 16-bit grey; returns their names."""
    layer = Track(CODECS["ffv1"], "gbrap16le", _fill_layer)
    return write_movies(shot, frames, folder, ".mkv", layer, Track(CODECS["ffv1"], "gray16le", _fill_matte))


def _fill_layer(planes: Planes, edit: NDArray[Any], alpha: NDArray[np.uint16], color: ColorTags) -> None:
    for plane, channel in zip(planes, (1, 2, 0), strict=False):
        plane[...] = rescale(edit[..., channel], 65535)
    planes[3][...] = alpha


def _fill_matte(planes: Planes, edit: NDArray[Any], alpha: NDArray[np.uint16], color: ColorTags) -> None:
    planes[0][...] = alpha
