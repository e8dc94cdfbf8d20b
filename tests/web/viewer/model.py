"""The preview rule in numpy, on the planes of decoded proxies: `vera.layers` adjusts, planes are mixed here."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tests.web.viewer.proxies import Plane, Planes

from vera.color.matrix import rgb_to_ycbcr, ycbcr_to_rgb
from vera.color.tags import LIMITED, SPACE_709, ColorTags
from vera.layers.adjust import Adjustment, adjust_colors, adjust_layer
from vera.layers.blend_modes import blend_colors
from vera.layers.layer_frame import LayerFrame
from vera.layers.paint import Stroke, paint_alpha

BT709 = ColorTags(range=LIMITED, space=SPACE_709, trc=1, primaries=1)
FULL = 65535


@dataclass(frozen=True)
class ModelLayer:
    edit: Planes
    alpha: Plane
    adjustment: Adjustment
    paint: tuple[Stroke, ...] = ()


def composed(source: Planes, layers: Sequence[ModelLayer], strict: bool, scale: float, frame: int) -> NDArray[Any]:
    """Y, Cb, Cr and alpha `[H,W,4]` of the layers over the source; `scale` is proxy pixels a source pixel."""
    picture = np.dstack([_spread(source), np.zeros_like(source.y)]).astype(np.int64)
    for layer in layers:
        first, last = layer.adjustment.range
        if (first or 0) <= frame and (last is None or frame <= last):
            picture = _laid(picture, layer, strict, scale, frame)
    return picture


def _spread(planes: Planes) -> NDArray[np.uint8]:
    """Planes with a value at every pixel, `[H,W,3]`."""
    return np.dstack([planes.y, *(plane.repeat(2, 0).repeat(2, 1) for plane in (planes.cb, planes.cr))])


def _rgb_codes(ycc: NDArray[Any]) -> NDArray[np.uint8]:
    """R'G'B' of 8 bits, by coefficients in 1/65536: as the rule says, so that no code is rounded otherwise."""
    offset = np.array([16, 128, 128])
    columns = ycbcr_to_rgb(np.eye(3) + offset, BT709, 8, 0) * 255 * 65536
    sums = (ycc.astype(np.int64) - offset) @ np.rint(columns).astype(np.int64)
    return np.asarray(((sums + 32768) >> 16).clip(0, 255), np.uint8)


def _laid(below: NDArray[Any], layer: ModelLayer, strict: bool, scale: float, frame: int) -> NDArray[Any]:
    adjustment = _at_scale(layer.adjustment, scale)
    edit, alpha = _adjusted(layer, adjustment)
    if layer.paint:
        alpha = paint_alpha(alpha, [_stroke_at_scale(stroke, scale) for stroke in layer.paint], frame)
    alpha = np.rint(alpha.astype(np.float64) * FULL) * np.floor(adjustment.opacity * FULL + 0.5)
    alpha = (alpha + 32767) // FULL
    if adjustment.blend != "normal":
        under = ycbcr_to_rgb(below[..., :3].astype(np.float32), BT709, 8, 0).clip(0, 1)
        over = ycbcr_to_rgb(edit.astype(np.float32), BT709, 8, 0).clip(0, 1)
        edit = _stepped(rgb_to_ycbcr(blend_colors(adjustment.blend, under, over).astype(np.float64), BT709, 8, 0))
    return _mixed(below, edit, alpha, strict)


def _adjusted(layer: ModelLayer, adjustment: Adjustment) -> tuple[NDArray[Any], NDArray[Any]]:
    """The edit's components `[H,W,3]` in code values and its alpha `[H,W]`, before paint and opacity."""
    ycc: NDArray[Any] = _spread(layer.edit)
    colored = adjust_colors(_rgb_codes(ycc), adjustment)
    if colored.dtype == np.uint16:
        ycc = _stepped(rgb_to_ycbcr(colored / FULL, BT709, 8, 0))
    alpha = layer.alpha * np.float32(1 / 255)
    placed = adjust_layer(LayerFrame(ycc.astype(np.float32), alpha), replace(adjustment, opacity=1.0))
    return _stepped(placed.edit.clip(0, 255)), placed.alpha


def _stepped(codes: NDArray[Any]) -> NDArray[Any]:
    """Code values in the steps of 1/64 that the rule has."""
    return np.floor(codes.astype(np.float64) * 64 + 0.5) / 64


def _mixed(below: NDArray[Any], edit: NDArray[Any], alpha: NDArray[Any], strict: bool) -> NDArray[Any]:
    def rounded(cover: NDArray[Any], colors: NDArray[Any], under: NDArray[Any]) -> NDArray[Any]:
        return np.floor((colors + (FULL - cover) * under) / FULL + 0.5)

    mixed = below.copy()
    mixed[..., 0] = rounded(alpha, alpha * edit[..., 0], below[..., 0])
    mixed[..., 3] = alpha + (below[..., 3] * (FULL - alpha) + 32767) // FULL
    cover = _of_four(alpha)
    touched = _of_four((alpha > 0).astype(float)) == 1 if strict else cover > 0
    for component in (1, 2):
        chroma = rounded(cover, _of_four(alpha * edit[..., component]), below[..., component])
        mixed[..., component] = np.where(touched, chroma, below[..., component])
    return mixed


def _of_four(plane: NDArray[Any]) -> NDArray[Any]:
    """The mean of the four pixels that share a chroma sample, at each of them."""
    height, width = plane.shape
    means = plane.reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3))
    return np.asarray(means.repeat(2, 0).repeat(2, 1))


def _at_scale(adjustment: Adjustment, scale: float) -> Adjustment:
    offset = (adjustment.offset[0] * scale, adjustment.offset[1] * scale)
    return replace(adjustment, offset=offset, feather=adjustment.feather * scale, choke=adjustment.choke * scale)


def _stroke_at_scale(stroke: Stroke, scale: float) -> Stroke:
    points = tuple(((x + 0.5) * scale - 0.5, (y + 0.5) * scale - 0.5) for x, y in stroke.points)
    return replace(stroke, points=points, radius=stroke.radius * scale)
