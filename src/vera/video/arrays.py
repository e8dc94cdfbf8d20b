"""Frames as arrays: views of their own planes, and copies of them."""

from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple

import av
import numpy as np
from numpy.typing import NDArray

from vera.color.tags import apply_tags, color_tags
from vera.errors import VeraError
from vera.video.decoding.filters import through
from vera.video.formats import is_float


class _Layout(NamedTuple):
    """Where a plane's samples lie: channels side by side, and each sample's dtype."""

    channels: int
    dtype: np.dtype[Any]


def planes(frame: av.VideoFrame) -> tuple[NDArray[Any], ...]:
    """Views of the frame's own samples, one array a plane, no copy, padding of lines left out.

    [h, w], or [h, w, channels] for planes that hold several (nv12's chroma, packed RGB). uint8, or for more than 8 bits
    uint16, float16 or float32 in the format's byte order; gbrp comes in its own order G, B, R. The arrays are writable;
    on a frame from a decoder call `frame.make_writable()` first, since later frames may still be predicted from it.
    They stay valid as long as any of them lives. VeraError for formats without such planes (palette, 4:2:2 packed).
    """
    views: list[NDArray[Any]] = []
    for plane, layout in zip(frame.planes, plane_layout(frame.format.name), strict=True):
        shape: tuple[int, ...] = (plane.height, plane.width)
        strides: tuple[int, ...] = (plane.line_size, layout.channels * layout.dtype.itemsize)
        if layout.channels > 1:
            shape, strides = (*shape, layout.channels), (*strides, layout.dtype.itemsize)
        views.append(np.ndarray(shape, layout.dtype, memoryview(plane), strides=strides))
    return tuple(views)


@lru_cache
def plane_layout(pix_fmt: str) -> tuple[_Layout, ...]:
    """Samples of each plane of a pixel format; VeraError where a plane is no plain array of whole samples."""
    form = av.VideoFormat(pix_fmt, 16, 16)
    layouts = []
    for index in range(1 + max(component.plane for component in form.components)):
        parts = [component for component in form.components if component.plane == index]
        bits = {component.bits for component in parts}
        size = 1 if max(bits) <= 8 else 2 if max(bits) <= 16 else 4
        # Packed RGB may carry an unused fourth byte; chroma pairs and single planes carry none.
        channels = form.padded_bits_per_pixel // (8 * size) if len(parts) > 2 else len(parts)
        plain = len(bits) == 1 and (max(bits) in range(8, 17) or is_float(pix_fmt)) and channels >= len(parts)
        even = len({(component.width, component.height) for component in parts}) == 1
        if not plain or not even or form.has_palette or form.is_bayer or form.is_bit_stream:
            raise VeraError(f"pixel format {pix_fmt} is not supported: convert to yuv422p10le, yuv444p or rgb24 first")
        order = ">" if form.is_big_endian else "<"
        kind = f"f{size}" if is_float(pix_fmt) else f"u{size}"
        layouts.append(_Layout(channels, np.dtype(f"{order}{kind}")))
    return tuple(layouts)


def copy_frame(frame: av.VideoFrame) -> av.VideoFrame:
    """A frame of its own memory: a decoder may still predict from the one that it gave.

    What the picture says besides, as captions and dynamic HDR metadata, goes with it.
    """
    copy = through(frame, "copy")
    assert copy is not None
    return _timed(copy, frame)


def as_progressive(frame: av.VideoFrame) -> av.VideoFrame:
    """The same picture, of the same memory, without the word that it is interlaced, which encoders repeat."""
    said = through(frame, "setfield", "mode=prog")
    assert said is not None
    return _timed(said, frame)


def bare_copy(frame: av.VideoFrame, pix_fmt: str | None = None) -> av.VideoFrame:
    """`copy_frame` without what the picture says besides; `pix_fmt`: another name for the same samples."""
    copy = av.VideoFrame(frame.width, frame.height, pix_fmt or frame.format.name)
    for target, source in zip(planes(copy), planes(frame), strict=True):
        np.copyto(target, source)
    return _timed(copy, frame)


def _timed(copy: av.VideoFrame, frame: av.VideoFrame) -> av.VideoFrame:
    """With the time and the tags of `frame`."""
    copy.pts = frame.pts
    copy.time_base = frame.time_base or Fraction(0)  # none, as of a frame made by hand; not that of a filter
    apply_tags(color_tags(frame), copy)
    return copy
