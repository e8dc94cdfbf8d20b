"""From the network's layers to usable ones: an exact zero, colours past the matte, the source's size."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.arrays import Float
from vera.layers.layer_frame import FULL, LayerFrame
from vera.layers.refine.extend import extend_colors

ALPHA_FLOOR = FULL // 512 + 1  # below, a decoder's haze and the ringing of up-sampling would touch the whole frame


def floor_alpha(alpha: NDArray[Any]) -> NDArray[Any]:
    """Set alpha below 1/512 to exactly 0, codes or float32: what is not covered stays the source's own."""
    codes = alpha if alpha.dtype == np.uint16 else np.rint(alpha * np.float32(FULL))
    return np.where(codes < ALPHA_FLOOR, alpha.dtype.type(0), alpha)


def refine_layer(edit: Float, alpha: Float) -> LayerFrame:
    """Make a usable layer of a decoded one, `[H,W,3]` and `[H,W]` in about [0,1]: float32, alpha floored.

    The edit's colours are those of confident alpha, continued outward over soft edges and beyond. They are weighted by
    alpha, not more steeply: a shadow's thin coverage would take on the colour of what casts it.
    """
    alpha = alpha.clip(0, 1)
    return LayerFrame(extend_colors(edit.clip(0, 1) * alpha[..., None], alpha), floor_alpha(alpha))


def fit_layer(layer: LayerFrame, size: tuple[int, int]) -> LayerFrame:
    """Resize a layer of codes to `size` (width, height): bicubic, or averaged where it shrinks."""
    edit, alpha = layer
    if alpha.shape == (size[1], size[0]):
        return layer
    shrinks = size[0] < alpha.shape[1] and size[1] < alpha.shape[0]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return LayerFrame(
        np.asarray(cv2.resize(edit, size, interpolation=method)),
        floor_alpha(np.asarray(cv2.resize(alpha, size, interpolation=method), np.uint16)),
    )
