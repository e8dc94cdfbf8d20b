"""Colour: the tags of a frame, and RGB <-> Y'CbCr in our own float arithmetic.

swscale's default conversion is off by about a code value on most samples, so whatever becomes pixels of a result is
converted here. Formulas: ITU-T H.273 (primaries, 8.1; matrix coefficients, 8.3) with the ranges of ITU-R BT.601, 709
and 2020.
"""

from dataclasses import dataclass, replace
from typing import TypeVar

import av
import numpy as np
from numpy.typing import NDArray

# Values of FFmpeg's enums AVColorRange, AVColorSpace; unspecified is 0 for the range and 2 for the others.
LIMITED, FULL = 1, 2
SPACE_RGB, SPACE_709, SPACE_UNSPECIFIED, SPACE_FCC, SPACE_470BG, SPACE_170M, SPACE_240M = 0, 1, 2, 4, 5, 6, 7
SPACE_2020 = 9
UNSPECIFIED, SRGB = 2, 13  # of transfers

# x and y of red, green, blue by AVColorPrimaries; the white of all of them is D65.
PRIMARIES = {
    1: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),
    5: ((0.640, 0.330), (0.290, 0.600), (0.150, 0.060)),
    6: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070)),
    7: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070)),
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
    22: ((0.630, 0.340), (0.295, 0.605), (0.155, 0.077)),
}
D65 = (0.3127, 0.3290)

# Red and blue weights of luma; green is what remains to 1.
_LUMA_WEIGHTS = {
    SPACE_709: (0.2126, 0.0722),
    SPACE_FCC: (0.30, 0.11),
    SPACE_470BG: (0.299, 0.114),
    SPACE_170M: (0.299, 0.114),
    SPACE_240M: (0.212, 0.087),
    SPACE_2020: (0.2627, 0.0593),
}
_HD_HEIGHT = 720

Floats = TypeVar("Floats", np.float32, np.float64)


@dataclass(frozen=True)
class ColorTags:
    """What a file says of its colours, as numbers of FFmpeg's enums (those of ITU-T H.273)."""

    range: int = 0
    space: int = SPACE_UNSPECIFIED
    trc: int = 2
    primaries: int = 2


def color_tags(tagged: av.VideoFrame | av.VideoCodecContext) -> ColorTags:
    """Tags of a frame or of a stream's codec context, unspecified ones as they are."""
    return ColorTags(
        int(tagged.color_range), int(tagged.colorspace), int(tagged.color_trc), int(tagged.color_primaries)
    )


def apply_tags(color: ColorTags, target: av.VideoFrame | av.VideoCodecContext) -> None:
    """Write `color` on a frame or codec context; encoders read both, and some only the frame's."""
    target.color_range, target.colorspace = color.range, color.space
    target.color_trc, target.color_primaries = color.trc, color.primaries


def resolve_color(color: ColorTags, height: int, pix_fmt: str) -> ColorTags:
    """Fill in the range and matrix that the file leaves open; `height` is the coded height in pixels.

    Untagged footage is shown by players with BT.709 from 720 lines on and with BT.601 below, since that is what HD and
    SD were made in; a layer that is to look the same over it must guess alike. Y'CbCr without a range is limited, the
    yuvj formats, grey and RGB are full. Transfer and primaries stay as they are: no conversion here needs them.
    """
    if av.VideoFormat(pix_fmt).is_rgb:
        return replace(color, space=SPACE_RGB, range=FULL)
    levels = color.range
    if pix_fmt.startswith("yuvj"):
        levels = FULL
    elif levels not in (LIMITED, FULL):
        levels = FULL if pix_fmt.startswith(("gray", "ya")) else LIMITED
    # Y'CbCr that claims the matrix of RGB is mistagged.
    space = SPACE_UNSPECIFIED if color.space == SPACE_RGB else color.space
    return replace(color, space=_matrix_or_guess(space, height), range=levels)


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


def srgb_encode(light: NDArray[Floats]) -> NDArray[Floats]:
    """Linear light, 1 for white, to R'G'B' by the curve of IEC 61966-2-1; not clipped, and straight below 0."""
    above = np.maximum(light, light.dtype.type(0.0031308))
    codes: NDArray[Floats] = np.where(light <= 0.0031308, light * 12.92, 1.055 * above ** (1 / 2.4) - 0.055)
    return codes


def srgb_decode(codes: NDArray[Floats]) -> NDArray[Floats]:
    """Inverse of `srgb_encode`."""
    above = np.maximum(codes, codes.dtype.type(0.04045))
    light: NDArray[Floats] = np.where(codes <= 0.04045, codes / 12.92, ((above + 0.055) / 1.055) ** 2.4)
    return light


def _transform(color: ColorTags, bit_depth: int, height: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Matrix and offset from RGB in 0..1 to code values."""
    space = _matrix_or_guess(color.space, height)
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


def _matrix_or_guess(space: int, height: int) -> int:
    # 3 is reserved, so a file that says it knows no better.
    if space in (SPACE_UNSPECIFIED, 3):
        return SPACE_709 if height >= _HD_HEIGHT else SPACE_170M
    return space
