"""Layers in a frame's own sample format: RGB to the components of its planes, alpha to each plane's grid."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from vera.errors import VeraError
from vera.video import ColorTags, color_tags, planes, resolve_color, rgb_to_ycbcr

Float = NDArray[np.float32]
Samples = NDArray[Any]

# Luma in a plane, chroma in pairs: how far a word is shifted above the value.
INTERLEAVED = {"nv12": 0, "nv16": 0, "p010le": 6, "p012le": 4, "p016le": 0}
# All in one plane: where R, G and B are. FFV1 keeps 8-bit RGB as bgr0.
PACKED = {"rgb24": (0, 1, 2), "bgr24": (2, 1, 0), "rgb0": (0, 1, 2), "bgr0": (2, 1, 0), "rgb48le": (0, 1, 2)}


@dataclass(frozen=True)
class ComponentLayer:
    """One component of a layer on its plane's grid, in the rectangle `rows`, `columns` that holds all its coverage.

    `exact` float32 are code values, not rounded, within the format's range, and `samples` the same as the frame stores
    them; `alpha` is float32 in [0,1], and where it is 0 nothing may change. `solid` is true where alpha is 1;
    `soft` are flat indices of what lies between in the rectangle, `soft_exact` and `soft_alpha` what lies there; None
    and empty where that is so much that picking it out would cost more than computing everything.
    """

    rows: slice
    columns: slice
    exact: Float
    samples: Samples
    alpha: Float
    solid: NDArray[np.bool_]
    soft: NDArray[np.intp] | None
    soft_exact: Float
    soft_alpha: Float


def components(frame: av.VideoFrame) -> list[Samples]:
    """A view `[h,w]` of each component: Y, Cb, Cr or R, G, B or grey.

    Raises VeraError for formats that cannot be composited in place (palettes, packed YUV, alpha, big-endian).
    """
    name = frame.format.name
    views = planes(frame)
    if name in INTERLEAVED:
        return [views[0], views[1][..., 0], views[1][..., 1]]
    if name in PACKED:
        return [views[0][..., channel] for channel in PACKED[name]]
    planar = len(views) == len(frame.format.components)
    if planar and name.startswith(("yuv", "gbrp", "gray")) and not name.startswith("yuva") and _native(name):
        return [views[component.plane] for component in frame.format.components]
    raise VeraError(f"the pixel format {name} cannot be composited; convert the source to yuv422p10le or another YUV")


def convert_layer(edit: NDArray[Any], alpha: NDArray[np.uint16], frame: av.VideoFrame) -> list[ComponentLayer]:
    """An edit layer and matte of the frame's coded size, in the frame's components.

    `edit` is straight RGB `[H,W,3]` uint8 or uint16, `alpha` `[H,W]` uint16 (65535 is 1). Chroma takes the box-averaged
    premultiplied layer over the box-averaged alpha, so that a soft edge keeps its colour. Empty if alpha is 0 all over.
    """
    box = _bounding_box(alpha)
    if box is None:
        return []
    rows, columns = box
    depth, form = frame.format.components[0].bits, frame.format
    shift = INTERLEAVED.get(form.name, 0)
    weight = alpha[rows, columns].astype(np.float32) * np.float32(1 / 65535)
    rgb = np.ascontiguousarray(edit[rows, columns], np.float32)
    if form.is_rgb:
        scale = np.float32((2**depth - 1) / np.iinfo(edit.dtype).max)
        return [_component(channel * scale, weight, rows, columns, depth, shift) for channel in cv2.split(rgb)]
    color = resolve_color(color_tags(frame), frame.height, form.name)
    matrix = _matrix(color, depth, np.iinfo(edit.dtype).max)
    layers = [_component(cv2.transform(rgb, matrix[:1]), weight, rows, columns, depth, shift)]
    if len(form.components) == 1:
        return layers
    step_x, step_y = 64 // form.chroma_width(64), 64 // form.chroma_height(64)
    coarse = _box_average(weight, step_x, step_y)
    divisor = np.maximum(coarse, np.float32(1e-6))
    chroma_rows = slice(rows.start // step_y, rows.start // step_y + coarse.shape[0])
    chroma_columns = slice(columns.start // step_x, columns.start // step_x + coarse.shape[1])
    for row in matrix[1:]:
        plane = cv2.transform(rgb, row[None])
        value = _box_average(cv2.multiply(plane, weight, dst=plane), step_x, step_y) / divisor
        layers.append(_component(value, coarse, chroma_rows, chroma_columns, depth, shift))
    return layers


@lru_cache
def _matrix(color: ColorTags, depth: int, top: int) -> Float:
    """`[3,4]`, from R, G, B in 0..`top` to code values: the conversion is affine, so black and primaries define it."""
    try:
        black, *primaries = rgb_to_ycbcr(np.eye(4, 3, -1), color, depth, height=0)
    except ValueError as error:
        raise VeraError(f"the source cannot be composited: {error}; convert it to BT.709 first") from None
    columns = [*((primary - black) / top for primary in primaries), black]
    return np.column_stack(columns).astype(np.float32)


def _component(
    exact: NDArray[Any], alpha: Float, rows: slice, columns: slice, depth: int, shift: int
) -> ComponentLayer:
    exact = np.clip(exact, np.float32(0), np.float32(2**depth - 1))
    samples = cv2.add(exact, 0.0, dtype=cv2.CV_8U if depth <= 8 else cv2.CV_16U)  # rounds
    solid = alpha >= 1
    between = (alpha > 0) & (alpha < 1)
    soft = np.flatnonzero(between) if np.count_nonzero(between) * 10 <= between.size else None
    picked = slice(0) if soft is None else soft
    return ComponentLayer(
        rows=rows,
        columns=columns,
        exact=exact,
        samples=samples << shift if shift else samples,
        alpha=alpha,
        solid=solid,
        soft=soft,
        soft_exact=exact.ravel()[picked],
        soft_alpha=alpha.ravel()[picked],
    )


def _bounding_box(alpha: NDArray[np.uint16]) -> tuple[slice, slice] | None:
    """The rectangle of alpha > 0, grown to multiples of 4 so that it holds whole chroma samples."""
    covered_rows = np.flatnonzero(alpha.max(axis=1))
    if not covered_rows.size:
        return None
    covered_columns = np.flatnonzero(alpha.max(axis=0))
    rows = slice(int(covered_rows[0]) // 4 * 4, int(covered_rows[-1]) // 4 * 4 + 4)
    columns = slice(int(covered_columns[0]) // 4 * 4, int(covered_columns[-1]) // 4 * 4 + 4)
    return slice(rows.start, min(rows.stop, alpha.shape[0])), slice(columns.start, min(columns.stop, alpha.shape[1]))


def _box_average(plane: NDArray[Any], step_x: int, step_y: int) -> Float:
    """Mean over boxes of `step_y` x `step_x`; an odd last row or column stands in for the missing one."""
    extra_y, extra_x = -plane.shape[0] % step_y, -plane.shape[1] % step_x
    if extra_y or extra_x:
        plane = np.pad(plane, ((0, extra_y), (0, extra_x)), mode="edge")
    if (step_x, step_y) == (1, 1):
        return plane
    size = (plane.shape[1] // step_x, plane.shape[0] // step_y)
    return np.asarray(cv2.resize(np.ascontiguousarray(plane), size, interpolation=cv2.INTER_AREA), np.float32)


def _native(name: str) -> bool:
    return not name.endswith("be")
