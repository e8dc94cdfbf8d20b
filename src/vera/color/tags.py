"""Colour tags of a frame or a stream, in the numbers of ITU-T H.273, and what untagged footage is taken for."""

from dataclasses import dataclass, replace

import av

# Values of FFmpeg's enums AVColorRange, AVColorSpace; unspecified is 0 for the range and 2 for the others.
LIMITED, FULL = 1, 2
SPACE_RGB, SPACE_709, SPACE_UNSPECIFIED, SPACE_FCC, SPACE_470BG, SPACE_170M, SPACE_240M = 0, 1, 2, 4, 5, 6, 7
SPACE_2020 = 9
UNSPECIFIED, SRGB = 2, 13  # of transfers


_HD_HEIGHT = 720


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
    return replace(color, space=matrix_or_guess(space, height), range=levels)


def matrix_or_guess(space: int, height: int) -> int:
    """The matrix that a file names, or what players take where it names none: BT.709 from 720 lines on, else BT.601."""
    # 3 is reserved, so a file that says it knows no better.
    if space in (SPACE_UNSPECIFIED, 3):
        return SPACE_709 if height >= _HD_HEIGHT else SPACE_170M
    return space
