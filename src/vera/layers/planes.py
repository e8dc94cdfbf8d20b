"""Layers in a frame's own sample format: RGB to the components of its planes, alpha to each plane's grid."""

from dataclasses import dataclass
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from vera.errors import VeraError
from vera.video import color_tags, planes, rgb_to_ycbcr

Float = NDArray[np.float32]
Samples = NDArray[Any]

INTERLEAVED = {"nv12": 0, "p010le": 6, "p016le": 0, "nv16": 0}  # how far a 16-bit word is shifted above the value


@dataclass(frozen=True)
class ComponentLayer:
    """One component of a layer on its plane's grid, in the rectangle `rows`, `columns` that holds all its coverage.

    `value` are code values in the frame's sample type, `alpha` float32 in [0,1]; where alpha is 0 nothing may change.
    `solid` is 255 where alpha is 1; `soft` are the row and column indices of what lies between, `soft_value` and
    `soft_alpha` what lies there.
    """

    rows: slice
    columns: slice
    value: Samples
    alpha: Float
    solid: NDArray[np.uint8]
    soft: tuple[NDArray[np.intp], ...]
    soft_value: Samples
    soft_alpha: Float


def components(frame: av.VideoFrame) -> list[Samples]:
    """A view `[h,w]` of each component: Y, Cb, Cr or R, G, B or grey.

    Raises VeraError for formats that cannot be composited in place (palettes, packed YUV, alpha, big-endian).
    """
    name = frame.format.name
    views = planes(frame)
    if name in INTERLEAVED:
        return [views[0], views[1][..., 0], views[1][..., 1]]
    if name == "rgb24":
        return [views[0][..., i] for i in range(3)]
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
    top = np.float32(np.iinfo(edit.dtype).max)
    rgb = np.asarray(edit[rows, columns], np.float32) / top
    weight = np.asarray(alpha[rows, columns], np.float32) / np.float32(65535)
    depth = frame.format.components[0].bits
    if frame.format.is_rgb:
        maximum = np.float32(2**depth - 1)
        return [_component(rgb[..., i] * maximum, weight, rows, columns, frame) for i in range(3)]
    ycbcr = rgb_to_ycbcr(rgb, color_tags(frame), depth, frame.height)
    layers = [_component(ycbcr[..., 0], weight, rows, columns, frame)]
    if len(frame.format.components) == 1:
        return layers
    step_x, step_y = _chroma_steps(frame)
    coarse = _box_average(weight, step_x, step_y)
    chroma_rows = slice(rows.start // step_y, rows.start // step_y + coarse.shape[0])
    chroma_columns = slice(columns.start // step_x, columns.start // step_x + coarse.shape[1])
    for index in (1, 2):
        premultiplied = _box_average(ycbcr[..., index] * weight, step_x, step_y)
        value = premultiplied / np.maximum(coarse, np.float32(1e-6))
        layers.append(_component(value, coarse, chroma_rows, chroma_columns, frame))
    return layers


def _component(exact: NDArray[Any], alpha: Float, rows: slice, columns: slice, frame: av.VideoFrame) -> ComponentLayer:
    depth = frame.format.components[0].bits
    shift = INTERLEAVED.get(frame.format.name, 0)
    codes = np.rint(exact).clip(0, 2**depth - 1) * 2**shift
    value = codes.astype(np.uint16 if depth > 8 else np.uint8)
    solid = alpha >= 1
    soft = np.nonzero((alpha > 0) & ~solid)
    return ComponentLayer(
        rows=rows,
        columns=columns,
        value=value,
        alpha=alpha,
        solid=solid.astype(np.uint8) * np.uint8(255),
        soft=soft,
        soft_value=value[soft],
        soft_alpha=alpha[soft],
    )


def _bounding_box(alpha: NDArray[np.uint16]) -> tuple[slice, slice] | None:
    """The rectangle of alpha > 0, grown to even sides so that it holds whole chroma samples."""
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


def _chroma_steps(frame: av.VideoFrame) -> tuple[int, int]:
    chroma = frame.planes[1]
    return -(-frame.width // chroma.width), -(-frame.height // chroma.height)


def _native(name: str) -> bool:
    return not name.endswith("be")
