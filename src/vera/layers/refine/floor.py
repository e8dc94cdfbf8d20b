"""From the network's layers to usable ones: an exact zero, colours past the matte, the source's size."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.arrays import Float
from vera.layers.layer_frame import FULL, LayerFrame, to_float
from vera.layers.refine.extend import extend_colors

ALPHA_FLOOR = FULL // 512 + 1  # below, a decoder's haze and the ringing of up-sampling would touch the whole frame
HAZE = np.float32(2 / 255)  # as much as a network leaves where it draws nothing


def floor_alpha(alpha: NDArray[Any]) -> NDArray[Any]:
    """Set alpha below 1/512 to exactly 0, codes or float32: what is not covered stays the source's own."""
    least = alpha.dtype.type(ALPHA_FLOOR if alpha.dtype == np.uint16 else (ALPHA_FLOOR - 0.5) / FULL)
    return np.where(alpha < least, alpha.dtype.type(0), alpha)


def refine_layer(edit: Float, alpha: Float) -> LayerFrame:
    """Make a usable layer of a decoded one, `[H,W,3]` and `[H,W]` in about [0,1]: float32, alpha floored.

    Alpha below `HAZE`, which nobody sees, is 0; it rises to its own value at twice that. The edit's colours are those
    of confident alpha, continued outward over soft edges and beyond. They are weighted by alpha, not more steeply: a
    shadow's thin coverage would take on the colour of what casts it.
    """
    alpha = alpha.clip(0, 1)
    alpha = np.minimum(alpha, 2 * (alpha - HAZE).clip(0))
    return LayerFrame(extend_colors(edit.clip(0, 1) * alpha[..., None], alpha), floor_alpha(alpha))


def fit_layer(layer: LayerFrame, size: tuple[int, int]) -> LayerFrame:
    """Resize a layer to `size` (width, height), alpha as float32: bicubic, or averaged where it shrinks."""
    edit, alpha = layer
    if alpha.shape == (size[1], size[0]):
        return layer
    shrinks = size[0] < alpha.shape[1] and size[1] < alpha.shape[0]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return LayerFrame(np.asarray(cv2.resize(edit, size, interpolation=method)), _resized(to_float(alpha), size, method))


def _resized(alpha: Float, size: tuple[int, int], method: int) -> Float:
    """Resize alpha `[h,w]` to `size`, in [0,1], exactly 0 below 1/512.

    Interpolation of nothing but 1 may give 0.99999994. Alpha is raised by a millionth, a fifteenth of a code, so that
    full coverage stays exactly 1.
    """
    resized = cv2.resize(alpha * np.float32(1 + 1e-6), size, interpolation=method)
    cv2.threshold(resized, (ALPHA_FLOOR - 0.5) / FULL, 0, cv2.THRESH_TOZERO, resized)
    cv2.threshold(resized, 1, 0, cv2.THRESH_TRUNC, resized)
    return np.asarray(resized)
