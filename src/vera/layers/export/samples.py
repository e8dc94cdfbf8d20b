"""Layers as the samples of a file: rescaled code values, Y'CbCr, gaps of neither."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.color.matrix import rgb_to_ycbcr
from vera.color.tags import ColorTags

Planes = tuple[NDArray[Any], ...]


def rescale(codes: NDArray[Any], top: int) -> NDArray[Any]:
    """uint8 or uint16 codes with the same values over 0..`top`, rounded; exact where `top` is a multiple of theirs."""
    old = int(np.iinfo(codes.dtype).max)
    if old == top:
        return codes
    dtype = np.uint8 if top < 256 else np.uint16
    return ((codes.astype(np.uint32) * np.uint32(top) + np.uint32(old // 2)) // np.uint32(old)).astype(dtype)


def to_ycbcr(edit: NDArray[Any], color: ColorTags, bit_depth: int) -> NDArray[np.float32]:
    """RGB `[H,W,3]` as code values Y, Cb, Cr, not rounded."""
    scaled = edit.astype(np.float32) * np.float32(1 / np.iinfo(edit.dtype).max)
    return rgb_to_ycbcr(scaled, color, bit_depth, edit.shape[0])


def halve(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean over boxes of 2x2; an odd last row or column stands in for the missing one."""
    height, width = plane.shape
    even = cv2.copyMakeBorder(plane, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(even, ((width + 1) // 2, (height + 1) // 2), interpolation=cv2.INTER_AREA))


def store(plane: NDArray[Any], codes: NDArray[np.float32]) -> None:
    """Round code values into a frame's plane."""
    np.copyto(plane, np.rint(codes), casting="unsafe")


def store_luma(planes: Planes, alpha: NDArray[np.uint16], bit_depth: int) -> None:
    """A matte as the luma of limited-range Y'CbCr, black for 0 and white for 1, without colour."""
    step = 2 ** (bit_depth - 8)
    store(planes[0], alpha.astype(np.float32) * np.float32(219 * step / 65535) + np.float32(16 * step))
    for chroma in planes[1:3]:
        chroma[...] = 128 * step
