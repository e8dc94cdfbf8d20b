"""ProRes 4444: 10-bit Y'CbCr 4:4:4 with an alpha channel that comes back exactly."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vera.color.tags import ColorTags
from vera.layers.export.movie import Track, write_movies
from vera.layers.export.samples import Planes, rescale, store, store_luma, to_ycbcr
from vera.layers.export.shot import LayerFrames, Shot
from vera.video import CODECS

STEPS = """\
Premiere Pro: import both movies. Select the layer, Clip > Modify > Interpret Footage: leave "Ignore Alpha Channel" and
  "Premultiplied Alpha" off. Put it on the track above the plate, at the frame given above.
DaVinci Resolve: import, right-click the layer > Clip Attributes > Video: Alpha mode "Straight". Put it above the plate.
After Effects: import, File > Interpret Footage > Main: Alpha "Straight - Unmatted". Lay it over the plate.
Final Cut Pro: import; connect the layer above the plate.
The matte is for what wants one as a picture: a luma track matte, a key input, a mask."""


def write(shot: Shot, frames: LayerFrames, folder: Path) -> dict[str, str]:
    """Write the layer with its alpha, and the matte as ProRes 422 HQ luma; returns their names."""
    layer = Track(CODECS["prores-4444"], "yuva444p10le", _fill_layer)
    return write_movies(shot, frames, folder, ".mov", layer, Track(CODECS["prores"], "yuv422p10le", _fill_matte))


def _fill_layer(planes: Planes, edit: NDArray[Any], alpha: NDArray[np.uint16], color: ColorTags) -> None:
    codes = to_ycbcr(edit, color, 10)
    for component, plane in enumerate(planes[:3]):
        store(plane, codes[..., component])
    planes[3][...] = rescale(alpha, 1023)


def _fill_matte(planes: Planes, edit: NDArray[Any], alpha: NDArray[np.uint16], color: ColorTags) -> None:
    store_luma(planes, alpha, 10)
