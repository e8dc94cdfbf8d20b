"""Convert R'G'B' to Y'CbCr code values and back, in float arithmetic.

swscale's default conversion is off by about a code value on most samples, so whatever becomes pixels of a result is
converted here. Formulas: ITU-T H.273 (matrix coefficients, 8.3) with the ranges of ITU-R BT.601, 709 and 2020.
"""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from vera.color.tags import (
    FULL,
    SPACE_170M,
    SPACE_240M,
    SPACE_470BG,
    SPACE_709,
    SPACE_2020,
    SPACE_FCC,
    SPACE_RGB,
    ColorTags,
    matrix_or_guess,
)

# Red and blue weights of luma; green is what remains to 1.
_LUMA_WEIGHTS = {
    SPACE_709: (0.2126, 0.0722),
    SPACE_FCC: (0.30, 0.11),
    SPACE_470BG: (0.299, 0.114),
    SPACE_170M: (0.299, 0.114),
    SPACE_240M: (0.212, 0.087),
    SPACE_2020: (0.2627, 0.0593),
}


Floats = TypeVar("Floats", np.float32, np.float64)


def rgb_to_ycbcr(rgb: NDArray[Floats], color: ColorTags, bit_depth: int, height: int) -> NDArray[Floats]:
    """RGB [..., 3] (R, G, B; nominal range 0 to 1, not clipped) to code values [..., 3] (Y, Cb, Cr), not rounded.

    `color` as tagged; `height`, the coded one, decides about an untagged matrix, and an untagged range is limited, as
    in `resolve_color`. With `SPACE_RGB` only the scale changes. Computes in the dtype of `rgb`. ValueError for a
    matrix that is not known here.
    """
    matrix, offset = _transform(color, bit_depth, height)
    codes: NDArray[Floats] = rgb @ matrix.T.astype(rgb.dtype) + offset.astype(rgb.dtype)
    return codes


def ycbcr_to_rgb(codes: NDArray[Floats], color: ColorTags, bit_depth: int, height: int) -> NDArray[Floats]:
    """Code values [..., 3] (Y, Cb, Cr) to RGB [..., 3], nominally 0 to 1 and not clipped: inverse of `rgb_to_ycbcr`."""
    matrix, offset = _transform(color, bit_depth, height)
    rgb: NDArray[Floats] = (codes - offset.astype(codes.dtype)) @ np.linalg.inv(matrix).T.astype(codes.dtype)
    return rgb


def _transform(color: ColorTags, bit_depth: int, height: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Matrix and offset from RGB in 0..1 to code values."""
    space = matrix_or_guess(color.space, height)
    top = float(2**bit_depth - 1)
    if space == SPACE_RGB:
        return np.eye(3) * top, np.zeros(3)
    if space not in _LUMA_WEIGHTS:
        raise ValueError(f"no matrix is known here for color space {space}")
    red, blue = _LUMA_WEIGHTS[space]
    luma = np.array([red, 1 - red - blue, blue])
    cb = (np.array([0, 0, 1]) - luma) / (2 - 2 * blue)
    cr = (np.array([1, 0, 0]) - luma) / (2 - 2 * red)
    step = 2.0 ** (bit_depth - 8)
    black, gains = (0.0, [top, top, top]) if color.range == FULL else (16.0, [219 * step, 224 * step, 224 * step])
    offset = np.array([black, 128.0, 128.0]) * step
    return np.stack([luma, cb, cr]) * np.array(gains)[:, None], offset
