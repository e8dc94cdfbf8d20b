"""RGB to YCbCr and back in floating point, by the tags of the footage (ITU-R BT.601, 709, 2020; limited and full)."""

import numpy as np
from numpy.typing import NDArray

from vera.video.info import ColorTags

Float = NDArray[np.float32]

BT709, BT601, BT2020 = 1, 5, 9
# FFmpeg's AVColorSpace: luma weights of red and blue. 5 and 6 are both 601.
LUMA_WEIGHTS = {BT709: (0.2126, 0.0722), BT601: (0.299, 0.114), 6: (0.299, 0.114), BT2020: (0.2627, 0.0593)}


def matrix_of(space: int, height: int) -> int:
    """The matrix to use for a tag: 601, 709 or 2020.

    Untagged footage is read as players read it: 709 from 720 lines on, 601 below.
    """
    if space in LUMA_WEIGHTS:
        return BT601 if space == 6 else space
    return BT709 if height >= 720 else BT601


def rgb_to_ycbcr(rgb: Float, color: ColorTags, bit_depth: int, height: int) -> Float:
    """R'G'B' `[...,3]` in [0,1] to code values Y, Cb, Cr `[...,3]`, not rounded.

    `height` is that of the clip, for `matrix_of`.
    """
    matrix, offset = _transform(color, bit_depth, height)
    return rgb @ matrix.T + offset


def ycbcr_to_rgb(ycbcr: Float, color: ColorTags, bit_depth: int, height: int) -> Float:
    """The inverse of `rgb_to_ycbcr`, not clipped."""
    matrix, offset = _transform(color, bit_depth, height)
    return (ycbcr - offset) @ np.linalg.inv(matrix.astype(np.float64)).T.astype(np.float32)


def _transform(color: ColorTags, bit_depth: int, height: int) -> tuple[Float, Float]:
    red, blue = LUMA_WEIGHTS[matrix_of(color.space, height)]
    luma = np.array([red, 1 - red - blue, blue])
    rows = np.stack(
        [luma, (np.array([0, 0, 1]) - luma) / (2 * (1 - blue)), (np.array([1, 0, 0]) - luma) / (2 * (1 - red))]
    )
    unit = 2.0 ** (bit_depth - 8)
    if color.range == 2:
        top = 2.0**bit_depth - 1
        scale, offset = np.array([top, top, top]), np.array([0, 128 * unit, 128 * unit])
    else:
        scale, offset = np.array([219, 224, 224]) * unit, np.array([16, 128, 128]) * unit
    return (rows * scale[:, None]).astype(np.float32), offset.astype(np.float32)
