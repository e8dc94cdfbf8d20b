"""Layers in a frame's own sample format: RGB to the components of its planes, alpha to each plane's grid."""

from dataclasses import dataclass
from functools import lru_cache, reduce
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from vera.errors import VeraError
from vera.video import ColorTags, color_tags, planes, resolve_color, rgb_to_ycbcr, ycbcr_to_rgb
from vera.video.colour import FULL, srgb_decode, srgb_encode
from vera.video.formats import is_float

Float = NDArray[np.float32]
Samples = NDArray[Any]
Box = tuple[slice, slice]  # rows, columns

# Luma in a plane, chroma in pairs: how far a word is shifted above the value.
INTERLEAVED = {"nv12": 0, "nv16": 0, "p010le": 6, "p012le": 4, "p016le": 0}
# All in one plane: where R, G and B are, or grey, and alpha. FFV1 keeps 8-bit RGB as bgr0.
PACKED: dict[str, tuple[int, ...]] = {
    **{"rgb24": (0, 1, 2), "bgr24": (2, 1, 0), "rgb0": (0, 1, 2), "bgr0": (2, 1, 0), "rgb48le": (0, 1, 2)},
    **{"rgba": (0, 1, 2, 3), "bgra": (2, 1, 0, 3), "rgba64le": (0, 1, 2, 3)},
    **{"ya8": (0, 1), "ya16le": (0, 1), "yaf16le": (0, 1), "yaf32le": (0, 1)},
}
_BRIGHTEST = np.float32(65504)  # half float: floats that reach further would leave float32 on the way
# Of BT.709's red, green and blue.
_LUMINANCE = np.array([[0.2126, 0.7152, 0.0722, 0]], np.float32)


@dataclass(frozen=True)
class ComponentLayer:
    """One component of a layer on its plane's grid, in the rectangle `box` that holds all its coverage.

    `alpha` is float32 `[h,w]` in [0,1]; where it is 0 nothing may change. `premultiplied`, likewise, is alpha times the
    layer's own code values, in the format's range and not rounded.
    """

    box: Box
    alpha: Float
    premultiplied: Float


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


def convert_layer(
    edit: NDArray[Any],
    alpha: NDArray[np.uint16],
    frame: av.VideoFrame,
    rows: slice = slice(None),
    strict: bool = False,
) -> list[ComponentLayer]:
    """An edit layer and matte of the frame's coded size, in the frame's components.

    `edit` is straight RGB `[H,W,3]` uint8 or uint16, `alpha` `[H,W]` uint16 (65535 is 1). Chroma takes the box-averaged
    premultiplied layer over the box-averaged alpha, so that a soft edge keeps its colour; `strict` leaves a chroma
    sample alone unless every luma sample that shares it has some alpha. A frame's own alpha is taken for straight: it
    grows by what the layer covers, and where the frame is not opaque the layer has a greater share of the colour. A
    frame of floats takes the layer's R'G'B' as linear light, and its own alpha is premultiplied. `rows`, which start at
    a multiple of 4 and end so or at the last row, say what part of the frame to convert. Empty if alpha is 0 all over.
    """
    box = _bounding_box(alpha, rows)
    if box is None:
        return []
    if is_float(frame.format.name):
        return _light_parts(edit[box], alpha[box], frame.format, box)
    return _parts(edit[box], alpha[box], frame, box, strict)


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


def _parts(
    edit: NDArray[Any], alpha: NDArray[np.uint16], frame: av.VideoFrame, box: Box, strict: bool
) -> list[ComponentLayer]:
    """The layer in each component of a part of the frame."""
    form = frame.format
    depth = form.components[0].bits
    color = resolve_color(color_tags(frame), frame.height, form.name)
    matrix = _matrix(color, depth, np.iinfo(edit.dtype).max)
    weight = np.multiply(alpha, np.float32(1 / 65535))
    rgb = edit.astype(np.float32, order="C")
    colors = len(form.components) - has_alpha(form)
    fine = colors if form.is_rgb else 1
    cover: Float | None = None  # the result's alpha
    part, own = weight, []  # of a colour, what is the layer's: colours are straight
    if has_alpha(form):
        peak = np.float32(2**depth - 1)
        behind: Float = np.divide(components(frame)[-1][box], peak)
        cover = weight + (1 - weight) * behind
        part = weight / np.maximum(cover, np.float32(1e-6))
        own = [ComponentLayer(box, weight, weight * peak)]
    parts = [ComponentLayer(box, part, _weighted(rgb, row, part)) for row in matrix[:fine]]
    if colors == fine:
        return parts + own
    step_x, step_y = 64 // form.chroma_width(64), 64 // form.chroma_height(64)
    share = np.float32(1 / (step_x * step_y))
    coarse = _box_sum(weight, step_x, step_y) * share
    spread = None if cover is None else np.maximum(_box_sum(cover, step_x, step_y) * share, np.float32(1e-6))
    if spread is not None:
        coarse /= spread
    start_y, start_x = box[0].start // step_y, box[1].start // step_x
    coarse_box = slice(start_y, start_y + coarse.shape[0]), slice(start_x, start_x + coarse.shape[1])
    bare = _box_sum((alpha == 0).astype(np.float32), step_x, step_y) > 0 if strict else None
    if bare is not None:
        coarse[bare] = 0
    for row in matrix[fine:]:
        chroma = _box_sum(_weighted(rgb, row * share, weight), step_x, step_y)
        if spread is not None:
            chroma /= spread
        if color.range == FULL:  # where chroma reaches half a code above the highest
            np.minimum(chroma, coarse * np.float32(2**depth - 1), out=chroma)
        if bare is not None:
            chroma[bare] = 0
        parts.append(ComponentLayer(coarse_box, coarse, chroma))
    return parts + own


def _light_parts(edit: NDArray[Any], alpha: NDArray[np.uint16], form: av.VideoFormat, box: Box) -> list[ComponentLayer]:
    """The layer in each component of linear light."""
    weight = np.multiply(alpha, np.float32(1 / 65535))
    light = _decoded(int(np.iinfo(edit.dtype).max))[edit]
    parts = [_weighted(light, row, weight) for row in (np.eye(3, 4, dtype=np.float32) if form.is_rgb else _LUMINANCE)]
    return [ComponentLayer(box, weight, part) for part in (*parts, *([weight] if has_alpha(form) else []))]


@lru_cache
def _decoded(top: int) -> Float:
    """Linear light of each code of sRGB's R'G'B' up to `top`."""
    return srgb_decode(np.arange(top + 1) / top).astype(np.float32)


def _weighted(rgb: Float, row: Float, weight: Float) -> Float:
    """`weight` times the affine function `row` of R, G and B."""
    plane = np.asarray(cv2.transform(rgb, row[None]), np.float32)
    plane *= weight
    return plane


@lru_cache
def _matrix(color: ColorTags, depth: int, top: int) -> Float:
    """`[3,4]`, from R, G, B in 0..`top` to code values: the conversion is affine, so black and primaries define it."""
    try:
        black, *primaries = rgb_to_ycbcr(np.eye(4, 3, -1), color, depth, height=0)
    except ValueError as error:
        raise VeraError(f"the source cannot be composited: {error}; convert it to BT.709 first") from None
    columns = [*((primary - black) / top for primary in primaries), black]
    return np.column_stack(columns).astype(np.float32)


def _bounding_box(alpha: NDArray[np.uint16], rows: slice) -> Box | None:
    """The rectangle of alpha > 0 in `rows`, grown to multiples of 4 so that it holds whole chroma samples."""
    height, width = alpha.shape
    first, last, _ = rows.indices(height)
    covered_rows = np.flatnonzero(alpha[first:last].max(axis=1))
    if not covered_rows.size:
        return None
    top, bottom = first + int(covered_rows[0]) // 4 * 4, first + int(covered_rows[-1]) // 4 * 4 + 4
    covered_columns = np.flatnonzero(alpha[top:bottom].max(axis=0))
    left, right = int(covered_columns[0]) // 4 * 4, int(covered_columns[-1]) // 4 * 4 + 4
    return slice(top, min(bottom, height)), slice(left, min(right, width))


def _box_sum(plane: Float, step_x: int, step_y: int) -> Float:
    """Sums over boxes of `step_y` x `step_x`; an odd last row or column stands in for the missing one."""
    extra_y, extra_x = -plane.shape[0] % step_y, -plane.shape[1] % step_x
    if extra_y or extra_x:
        plane = np.pad(plane, ((0, extra_y), (0, extra_x)), mode="edge")
    # Rows first, as they lie in memory; OpenCV's INTER_AREA takes several times as long.
    plane = reduce(np.add, (plane[y::step_y] for y in range(step_y)))
    return reduce(np.add, (plane[:, x::step_x] for x in range(step_x)))


def _native(name: str) -> bool:
    return not name.endswith("be")
