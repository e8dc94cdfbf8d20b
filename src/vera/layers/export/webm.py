"""VP9 in WebM: 8-bit 4:2:0 with alpha, for browsers. Coded losslessly: lossy alpha is not 0 where it should be."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vera.color.tags import ColorTags
from vera.layers.export.movie import Track, write_movies
from vera.layers.export.samples import Planes, halve, rescale, store, store_luma, to_ycbcr
from vera.layers.export.shot import LayerFrames, Shot
from vera.video import Codec

STEPS = """\
Web page: <video src="{layer}" autoplay muted loop playsinline></video> over the plate or the page. Chrome, Edge and
  Firefox show the alpha; Safari does not.
ffmpeg: read it with -c:v libvpx-vp9 before -i: the decoder that ffmpeg takes by itself drops the alpha.
It is coded losslessly. For a smaller file:
  ffmpeg -c:v libvpx-vp9 -i {layer} -c:v libvpx-vp9 -crf 24 -b:v 0 -auto-alt-ref 0 small.webm"""

# A frame that is kept back for reference only (auto-alt-ref) has no place beside alpha.
_OPTIONS = {"lossless": "1", "auto-alt-ref": "0", "row-mt": "1", "cpu-used": "4"}
_CODEC = Codec("libvpx-vp9", True, (".webm",), _OPTIONS, ("yuva420p", "yuv420p"))


def write(shot: Shot, frames: LayerFrames, folder: Path) -> dict[str, str]:
    """Write the layer with alpha, and the matte as luma; returns their names."""
    layer = Track(_CODEC, "yuva420p", _fill_layer)
    return write_movies(shot, frames, folder, ".webm", layer, Track(_CODEC, "yuv420p", _fill_matte))


def _fill_layer(planes: Planes, edit: NDArray[Any], alpha: NDArray[np.uint16], color: ColorTags) -> None:
    codes = to_ycbcr(edit, color, 8)
    store(planes[0], codes[..., 0])
    for component in (1, 2):
        store(planes[component], halve(codes[..., component]))
    planes[3][...] = rescale(alpha, 255)


def _fill_matte(planes: Planes, edit: NDArray[Any], alpha: NDArray[np.uint16], color: ColorTags) -> None:
    store_luma(planes, alpha, 8)
