"""Layers in a frame's own sample format: RGB to the components of its planes, alpha to each plane's grid."""

from dataclasses import dataclass
from functools import lru_cache, reduce
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from vera.arrays import Float
from vera.color.matrix import rgb_to_ycbcr
from vera.color.tags import FULL, ColorTags, color_tags, resolve_color
from vera.color.transfer import srgb_decode
from vera.errors import VeraError
from vera.layers.layer_frame import LayerFrame, to_float
from vera.video.components import components, has_alpha
from vera.video.formats import is_float

Box = tuple[slice, slice]  # rows, columns

_TINY = np.float32(1e-6)  # what alpha is divided by at least
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


def to_planes(
    layer: LayerFrame, frame: av.VideoFrame, rows: slice = slice(None), strict: bool = False
) -> list[ComponentLayer]:
    """Convert a layer of the frame's coded size to the frame's components, in its code values.

    Chroma takes the box-averaged premultiplied layer over the box-averaged alpha, so that a soft edge keeps its colour;
    `strict` leaves a chroma sample alone unless every luma sample that shares it has some alpha. A frame's own alpha is
    taken for straight: it grows by what the layer covers, and where the frame is not opaque the layer has a greater
    share of the colour. A frame of floats takes the layer's R'G'B' as linear light, and its own alpha is premultiplied.
    `rows`, which start at a multiple of 4 and end so or at the last row, say what part of the frame to convert. Empty
    if alpha is 0 all over.
    """
    box = _bounding_box(layer.alpha, rows)
    if box is None:
        return []
    edit, alpha = layer.edit[box], to_float(layer.alpha[box])
    if is_float(frame.format.name):
        return _light_components(edit, alpha, frame.format, box)
    return _code_components(edit, alpha, frame, box, strict)


def _code_components(
    edit: NDArray[Any], alpha: Float, frame: av.VideoFrame, box: Box, strict: bool
) -> list[ComponentLayer]:
    """The layer in each component of a part of the frame."""
    form = frame.format
    depth = form.components[0].bits
    color = resolve_color(color_tags(frame), frame.height, form.name)
    matrix = _matrix(color, depth, 1 if edit.dtype == np.float32 else np.iinfo(edit.dtype).max)
    rgb = edit.astype(np.float32, order="C")
    color_count = len(form.components) - has_alpha(form)
    full_size = color_count if form.is_rgb else 1  # colour components that are not subsampled
    over = _over_own_alpha(alpha, frame, box) if has_alpha(form) else None
    color_alpha: Float = alpha if over is None else np.divide(alpha, np.maximum(over, _TINY))  # of a straight colour
    layers = [ComponentLayer(box, color_alpha, _premultiplied(rgb, row, color_alpha)) for row in matrix[:full_size]]
    if color_count > full_size:
        layers += _chroma(rgb, alpha, over, matrix[full_size:], frame, box, strict)
    if over is not None:
        layers.append(ComponentLayer(box, alpha, alpha * np.float32(2**depth - 1)))
    return layers


def _over_own_alpha(alpha: Float, frame: av.VideoFrame, box: Box) -> Float:
    """The result's alpha where the frame has one."""
    own: Float = np.divide(components(frame)[-1][box], np.float32(2 ** frame.format.components[0].bits - 1))
    return alpha + (1 - alpha) * own


def _chroma(
    rgb: Float, alpha: Float, over: Float | None, matrix: Float, frame: av.VideoFrame, box: Box, strict: bool
) -> list[ComponentLayer]:
    """The layer in Cb and Cr, on the grid of their samples."""
    form = frame.format
    step_x, step_y = 64 // form.chroma_width(64), 64 // form.chroma_height(64)
    mean = np.float32(1 / (step_x * step_y))
    chroma_alpha = _box_sum(alpha, step_x, step_y) * mean
    chroma_over = None if over is None else np.maximum(_box_sum(over, step_x, step_y) * mean, _TINY)
    if chroma_over is not None:
        chroma_alpha /= chroma_over
    top, left = box[0].start // step_y, box[1].start // step_x
    chroma_box = slice(top, top + chroma_alpha.shape[0]), slice(left, left + chroma_alpha.shape[1])
    untouched = _box_sum((alpha == 0).astype(np.float32), step_x, step_y) > 0 if strict else None
    if untouched is not None:
        chroma_alpha[untouched] = 0
    color = resolve_color(color_tags(frame), frame.height, form.name)
    layers = []
    for row in matrix:
        premultiplied = _box_sum(_premultiplied(rgb, row * mean, alpha), step_x, step_y)
        if chroma_over is not None:
            premultiplied /= chroma_over
        if color.range == FULL:  # where chroma reaches half a code above the highest
            peak = np.float32(2 ** form.components[0].bits - 1)
            np.minimum(premultiplied, chroma_alpha * peak, out=premultiplied)
        if untouched is not None:
            premultiplied[untouched] = 0
        layers.append(ComponentLayer(chroma_box, chroma_alpha, premultiplied))
    return layers


def _light_components(edit: NDArray[Any], alpha: Float, form: av.VideoFormat, box: Box) -> list[ComponentLayer]:
    """The layer in each component of linear light."""
    light = srgb_decode(edit) if edit.dtype == np.float32 else _decoded(int(np.iinfo(edit.dtype).max))[edit]
    rows = np.eye(3, 4, dtype=np.float32) if form.is_rgb else _LUMINANCE
    planes = [_premultiplied(light, row, alpha) for row in rows]
    return [ComponentLayer(box, alpha, plane) for plane in (*planes, *([alpha] if has_alpha(form) else []))]


@lru_cache
def _decoded(top: int) -> Float:
    """Linear light of each code of sRGB's R'G'B' up to `top`."""
    return srgb_decode(np.arange(top + 1) / top).astype(np.float32)


def _premultiplied(rgb: Float, row: Float, alpha: Float) -> Float:
    """Multiply alpha `[h,w]` and the affine function `row` of R, G and B."""
    plane = np.asarray(cv2.transform(rgb, row[None]), np.float32)
    plane *= alpha
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


def _bounding_box(alpha: NDArray[Any], rows: slice) -> Box | None:
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
