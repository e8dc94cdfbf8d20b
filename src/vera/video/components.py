"""Components of a frame, whatever its planes: views of Y, Cb, Cr or R, G, B, and R'G'B' of them."""

from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from vera.arrays import Float
from vera.color.matrix import ycbcr_to_rgb
from vera.color.tags import color_tags, resolve_color
from vera.color.transfer import srgb_encode
from vera.errors import VeraError
from vera.video.arrays import planes
from vera.video.formats import is_float

Samples = NDArray[Any]

# Luma in a plane, chroma in pairs: how far a word is shifted above the value.
INTERLEAVED = {"nv12": 0, "nv16": 0, "p010le": 6, "p012le": 4, "p016le": 0}


# All in one plane: where R, G and B are, or grey, and alpha. FFV1 keeps 8-bit RGB as bgr0.
PACKED: dict[str, tuple[int, ...]] = {
    **{"rgb24": (0, 1, 2), "bgr24": (2, 1, 0), "rgb0": (0, 1, 2), "bgr0": (2, 1, 0), "rgb48le": (0, 1, 2)},
    **{"rgba": (0, 1, 2, 3), "bgra": (2, 1, 0, 3), "rgba64le": (0, 1, 2, 3)},
    **{"ya8": (0, 1), "ya16le": (0, 1), "yaf16le": (0, 1), "yaf32le": (0, 1)},
}


_BRIGHTEST = np.float32(65504)  # half float: floats that reach further would leave float32 on the way


def components(frame: av.VideoFrame) -> list[Samples]:
    """A view `[h,w]` of each component: Y, Cb, Cr or R, G, B or grey, and then alpha if the format has it.

    Raises VeraError for formats that cannot be composited in place (palettes, packed YUV, big-endian).
    """
    name = frame.format.name
    views = planes(frame)
    if name in INTERLEAVED:
        return [views[0], views[1][..., 0], views[1][..., 1]]
    if name in PACKED:
        return [views[0][..., channel] for channel in PACKED[name]]
    planar = len(views) == len(frame.format.components)
    if planar and name.startswith(("yuv", "gbrp", "gbrap", "gray")) and _native(name):
        return [views[component.plane] for component in frame.format.components]
    raise VeraError(f"the pixel format {name} cannot be composited; convert the source to yuv422p10le or another YUV")


def color_components(frame: av.VideoFrame) -> list[Samples]:
    """`components` without alpha."""
    return components(frame)[: -1 if has_alpha(frame.format) else None]


def has_alpha(form: av.VideoFormat) -> bool:
    """Whether the last of a format's components is alpha."""
    return form.components[-1].is_alpha


def rgb_rows(frame: av.VideoFrame, rows: slice) -> Float:
    """R'G'B' `[h,W,3]` float32 in [0,1] of some of a frame's rows, which start at a multiple of 4.

    Every pixel has the chroma sample that it shares.
    """
    form = frame.format
    shift = INTERLEAVED.get(form.name, 0)
    first, last, _ = rows.indices(frame.height)
    steps = 64 // form.chroma_height(64), 64 // form.chroma_width(64)
    channels = []
    for component in color_components(frame):
        step_y, step_x = (1, 1) if component.shape == (frame.height, frame.width) else steps
        part = component[first // step_y : -(-last // step_y)]
        part = (part >> shift if shift else part).repeat(step_y, 0).repeat(step_x, 1)
        channels.append(part[: last - first, : frame.width].astype(np.float32))
    return components_to_rgb(channels, frame).clip(0, 1)


def components_to_rgb(channels: list[Float], frame: av.VideoFrame) -> Float:
    """R'G'B' `[h,w,3]` of a frame's components, each `[h,w]` in code values, by its tags; not clipped.

    Floats, which are linear light, become R'G'B' of sRGB, none beyond that of half floats; what is no number is black.
    """
    if is_float(frame.format.name):
        light = cv2.merge(channels if len(channels) == 3 else channels * 3)
        return srgb_encode(np.nan_to_num(light).clip(-_BRIGHTEST, _BRIGHTEST))
    depth = frame.format.components[0].bits
    if len(channels) == 1:
        neutral = np.full_like(channels[0], 2 ** (depth - 1))
        channels = [*channels, neutral, neutral]
    tags = resolve_color(color_tags(frame), frame.height, frame.format.name)
    return ycbcr_to_rgb(cv2.merge(channels), tags, depth, frame.height)


def _native(name: str) -> bool:
    return not name.endswith(("be", "msble"))  # or samples in the high bits of their words
