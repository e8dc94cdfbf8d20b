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
Box = tuple[slice, slice]  # rows, columns

# Luma in a plane, chroma in pairs: how far a word is shifted above the value.
INTERLEAVED = {"nv12": 0, "nv16": 0, "p010le": 6, "p012le": 4, "p016le": 0}
# All in one plane: where R, G and B are. FFV1 keeps 8-bit RGB as bgr0.
PACKED = {"rgb24": (0, 1, 2), "bgr24": (2, 1, 0), "rgb0": (0, 1, 2), "bgr0": (2, 1, 0), "rgb48le": (0, 1, 2)}


@dataclass(frozen=True)
class ComponentLayer:
    """One component of a layer on its plane's grid, in the rectangle `box` that holds all its coverage, ready to blend.

    `alpha` is float32 `[h,w]` in [0,1]; where it is 0 nothing may change. `solid` is true where it is 1, and `samples`
    are what the frame then holds. What lies between becomes `floor(keep * old + add)` with `keep = 1 - alpha` and
    `add = alpha * value + 1/2`, float32: `soft` are its places, counted in samples from the component's first in a
    frame that PyAV made, and `keep` and `add` belong to these. Where so much is soft that picking it out would cost
    more than computing everything, `soft` is None and they are `[h,w]`.
    """

    box: Box
    alpha: Float
    samples: Samples
    solid: NDArray[np.bool_]
    soft: NDArray[np.intp] | None
    keep: Float
    add: Float


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
    form = frame.format
    depth, shift = form.components[0].bits, INTERLEAVED.get(form.name, 0)
    blank = components(av.VideoFrame(frame.width, frame.height, form.name))
    parts = _parts(edit[box], alpha[box], frame, box, depth)
    return [_component(*part, plane, depth, shift) for part, plane in zip(parts, blank, strict=True)]


def _parts(
    edit: NDArray[Any], alpha: NDArray[np.uint16], frame: av.VideoFrame, box: Box, depth: int
) -> list[tuple[Float, Float, Box]]:
    """For each component its code values, not rounded, its alpha, and the rectangle of its plane that they are for."""
    top = np.iinfo(edit.dtype).max
    weight = alpha.astype(np.float32) * np.float32(1 / 65535)
    rgb = np.ascontiguousarray(edit, np.float32)
    form = frame.format
    if form.is_rgb:
        scale = np.float32((2**depth - 1) / top)
        return [(channel * scale, weight, box) for channel in cv2.split(rgb)]
    matrix = _matrix(resolve_color(color_tags(frame), frame.height, form.name), depth, top)
    parts = [(cv2.transform(rgb, matrix[:1]), weight, box)]
    if len(form.components) == 1:
        return parts
    step_x, step_y = 64 // form.chroma_width(64), 64 // form.chroma_height(64)
    coarse = _box_average(weight, step_x, step_y)
    divisor = np.maximum(coarse, np.float32(1e-6))
    start_y, start_x = box[0].start // step_y, box[1].start // step_x
    coarse_box = slice(start_y, start_y + coarse.shape[0]), slice(start_x, start_x + coarse.shape[1])
    for row in matrix[1:]:
        plane = cv2.transform(rgb, row[None])
        value = _box_average(cv2.multiply(plane, weight, dst=plane), step_x, step_y) / divisor
        parts.append((value, coarse, coarse_box))
    return parts


@lru_cache
def _matrix(color: ColorTags, depth: int, top: int) -> Float:
    """`[3,4]`, from R, G, B in 0..`top` to code values: the conversion is affine, so black and primaries define it."""
    try:
        black, *primaries = rgb_to_ycbcr(np.eye(4, 3, -1), color, depth, height=0)
    except ValueError as error:
        raise VeraError(f"the source cannot be composited: {error}; convert it to BT.709 first") from None
    columns = [*((primary - black) / top for primary in primaries), black]
    return np.column_stack(columns).astype(np.float32)


def _component(exact: Float, alpha: Float, box: Box, plane: Samples, depth: int, shift: int) -> ComponentLayer:
    exact = np.clip(exact, np.float32(0), np.float32(2**depth - 1))
    solid = alpha >= 1
    between = (alpha > 0) & ~solid
    picked: Any = slice(None)
    soft = None
    if np.count_nonzero(between) * 3 <= between.size:
        picked = np.nonzero(between)
        down, across = (stride // plane.itemsize for stride in plane.strides)
        soft = (picked[0] + box[0].start) * down + (picked[1] + box[1].start) * across
    weight = alpha[picked]
    return ComponentLayer(
        box=box,
        alpha=alpha,
        samples=(exact + np.float32(0.5)).astype(plane.dtype) << shift,
        solid=solid,
        soft=soft,
        keep=1 - weight,
        add=weight * exact[picked] + np.float32(0.5),
    )


def _bounding_box(alpha: NDArray[np.uint16]) -> Box | None:
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
