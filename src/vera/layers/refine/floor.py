"""From the network's layers to usable ones: an exact zero, colours past the matte, the source's size."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.layers.refine.extend import extend_colors

FULL = 65535  # alpha 1
ALPHA_FLOOR = FULL // 512 + 1  # below, a decoder's haze and the ringing of up-sampling would touch the whole frame


def unit(picture: NDArray[Any]) -> NDArray[np.float32]:
    """Codes as float32 in [0,1]; floats as they are."""
    if picture.dtype == np.float32:
        return picture
    return np.asarray(picture * np.float32(1 / np.iinfo(picture.dtype).max))


def floor_alpha(alpha: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Alpha below 1/512 becomes exactly 0: what is not covered stays the source's own."""
    return np.where(alpha < ALPHA_FLOOR, np.uint16(0), alpha)


def refine_layers(
    edit: NDArray[np.float32], alpha: NDArray[np.float32]
) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
    """Decoded layers in [0,1], `[T,H,W,3]` and `[T,H,W]`, as an edit of 8 bits and an alpha of 16.

    The alpha is floored; the edit's colours are those of confident alpha, continued outward over soft edges and beyond.
    """
    codes = floor_alpha(np.rint(alpha.clip(0, 1) * FULL).astype(np.uint16))
    edits = np.empty(edit.shape, np.uint8)
    for target, colors, coverage in zip(edits, edit.clip(0, 1), alpha.clip(0, 1), strict=True):
        # Weighted by alpha, not more steeply: a shadow's thin coverage would take on the colour of what casts it.
        extended = extend_colors(colors * coverage[..., None], coverage)
        target[...] = np.rint(extended * 255)
    return edits, codes


def fit_layer(
    edit: NDArray[Any], alpha: NDArray[np.uint16], size: tuple[int, int]
) -> tuple[NDArray[Any], NDArray[np.uint16]]:
    """One layer frame (`[H,W,3]`, `[H,W]`) at `size` (width, height): bicubic, or averaged where it shrinks."""
    if alpha.shape == (size[1], size[0]):
        return edit, alpha
    shrinks = size[0] < alpha.shape[1] and size[1] < alpha.shape[0]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return (
        np.asarray(cv2.resize(edit, size, interpolation=method)),
        floor_alpha(np.asarray(cv2.resize(alpha, size, interpolation=method), np.uint16)),
    )
