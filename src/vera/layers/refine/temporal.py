"""Mattes and colours without flicker: each frame is averaged with what its neighbours show of the same thing."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.arrays import Float
from vera.layers.layer_frame import LayerFrame, to_float
from vera.layers.refine.floor import floor_alpha
from vera.layers.refine.motion import flow, grey, moved

# Differences, averaged over a few pixels, at which a neighbour counts 1/e: flicker is below, change above.
# `python -m benchmarks.sensitivity temporal`: half of any lets more flicker through. Double smooths more, AREA above
# all on things that move. They are chosen smaller, so that what appears for one frame is not taken for flicker, which
# is not measured.
ALPHA_SCALE, COLOR_SCALE = 0.1, 0.1
AREA = 5  # pixels of a side


def smooth_layers(layers: Iterable[LayerFrame], plates: Iterable[NDArray[Any]]) -> Iterator[LayerFrame]:
    """Smooth the `layers` of successive frames in time, as they come: float32.

    A frame is averaged with the one before and the one after, moved to it along the optical flow of the composites. A
    neighbour counts as far as it agrees, so that what appears, ends or turns does so at its own frame. The window has
    no lag, being symmetric. The first and the last frame have one neighbour. Three frames are in memory.

    Args:
        layers: of one size, codes or floats.
        plates: the source at that size, RGB `[h,w,3]`.
    """
    frames = (_frame(layer, plate) for layer, plate in zip(layers, plates, strict=True))
    before, here = None, next(frames, None)
    while here is not None:
        after = next(frames, None)
        yield _smoothed(here, [side for side in (before, after) if side is not None])
        before, here = here, after


class _Frame(NamedTuple):
    layer: Float  # premultiplied `[h,w,4]`, the alpha last
    picture: NDArray[np.uint8]  # the layer over its plate, in grey
    colors: Float  # straight, as they came


def _frame(layer: LayerFrame, plate: NDArray[Any]) -> _Frame:
    edit, alpha = to_float(layer.edit), to_float(layer.alpha)[..., None]
    premultiplied = np.asarray(np.dstack([alpha * edit, alpha]), np.float32)
    return _Frame(premultiplied, _composite(premultiplied, plate), edit)


def _smoothed(here: _Frame, sides: list[_Frame]) -> LayerFrame:
    layer, picture, colors = here
    total, sum_of_weights = layer.copy(), np.ones(layer.shape[:2], np.float32)
    for other, other_picture, _ in sides:
        found = moved(other, flow(picture, other_picture))
        difference = cv2.blur(np.abs(found - layer), (AREA, AREA))
        distance = np.square(difference[..., 3] / ALPHA_SCALE) + np.square(difference[..., :3].max(-1) / COLOR_SCALE)
        weight = np.exp(-distance)
        total += weight[..., None] * found
        sum_of_weights += weight
    total /= sum_of_weights[..., None]
    alpha = total[..., 3].clip(0, 1)
    # The colours of what is hardly covered are those that were extended there.
    certain = (alpha * 8).clip(0, 1)[..., None]
    straight = total[..., :3] / np.maximum(alpha, np.float32(1e-3))[..., None]
    edit = certain * straight + (1 - certain) * colors
    return LayerFrame(edit.clip(0, 1), floor_alpha(alpha))


def _composite(layer: Float, plate: NDArray[Any]) -> NDArray[np.uint8]:
    """What the layer is over the plate, in grey."""
    behind = grey(plate).astype(np.float32) * np.float32(1 / 255)
    color = cv2.cvtColor(np.ascontiguousarray(layer[..., :3]), cv2.COLOR_RGB2GRAY)
    return np.asarray(np.rint((color + (1 - layer[..., 3]) * behind).clip(0, 1) * 255), np.uint8)
