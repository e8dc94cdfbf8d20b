"""Which place a new background shows: the edit layer among views of every panorama."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from vera.metrics.recognition.features import Embed, Vectors, unit_vectors
from vera.metrics.recognition.gallery import Gallery, make_gallery
from vera.video.view import spread_frames

VIEWS = 16  # directions, evenly around
WIDTH = 85 / 360  # of the panorama: an everyday angle of view
LOOKS = 3  # frames of a clip


def scene_gallery(panoramas: Mapping[str, NDArray[np.uint8]], embed: Embed) -> Gallery:
    """Prototypes of every panorama, uint8 equirectangular `[H,2H,3]` RGB: views of 16:9 around its horizon."""
    return make_gallery({name: embed(scene_views(panorama)) for name, panorama in panoramas.items()})


def scene_views(panorama: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """`VIEWS` level views `[VIEWS,h,w,3]`, cut out of the panorama: near the horizon that is almost perspective."""
    rows, columns = panorama.shape[:2]
    width = round(WIDTH * columns)
    height = round(width * 9 / 16)
    top = (rows - height) // 2
    turned = (np.roll(panorama, -round(view * columns / VIEWS), axis=1) for view in range(VIEWS))
    return np.stack([around[top : top + height, :width] for around in turned])


def scene_vector(edit: NDArray[np.uint8], embed: Embed) -> Vectors:
    """Features `[D]` of a background clip `[T,H,W,3]`, the mean over `LOOKS` frames."""
    frames = spread_frames(len(edit), LOOKS)
    return unit_vectors(embed(edit[frames]).mean(axis=0))
