"""Adjusting a layer without the model: place, matte, paint, opacity, colour and blend, all neutral by default."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.arrays import Float
from vera.errors import VeraError, brief
from vera.layers.blend_modes import BLEND_MODES
from vera.layers.layer_frame import LayerFrame, to_float
from vera.layers.paint import Stroke, check_between, check_paint, paint_alpha, strokes_from_json
from vera.layers.refine.floor import floor_alpha

Triple = tuple[float, float, float]

LONGEST = 1000.0  # pixels that a matte may be feathered or choked by


@dataclass(frozen=True)
class Adjustment:
    """What to do to a layer before it is laid; lengths in pixels of the upright source picture.

    Args:
        opacity: factor of alpha, 0 to 1.
        offset: right and down.
        scale: about the picture's middle, before the offset.
        feather: sigma of a Gaussian blur of alpha.
        choke: shrinks the matte by so much, or grows it if negative.
        lift, gamma, gain: for R', G', B' of the edit layer: `(gain * (x + lift * (1 - x))) ** (1 / gamma)`, clipped.
        blend: a name in `BLEND_MODES`.
        range: first and last source frame it is laid over, counted from 0; None leaves an end open.
        paint: strokes over the matte, after all but opacity. Where the layer has no frame they do nothing.
    """

    opacity: float = 1.0
    offset: tuple[float, float] = (0.0, 0.0)
    scale: float = 1.0
    feather: float = 0.0
    choke: float = 0.0
    lift: Triple = (0.0, 0.0, 0.0)
    gamma: Triple = (1.0, 1.0, 1.0)
    gain: Triple = (1.0, 1.0, 1.0)
    blend: str = "normal"
    range: tuple[int | None, int | None] = (None, None)
    paint: tuple[Stroke, ...] = ()

    def __post_init__(self) -> None:
        check_between("opacity", self.opacity, 0, 1)
        check_between("scale", self.scale, 0.01, 100)
        check_between("feather", self.feather, 0, LONGEST)
        check_between("choke", self.choke, -LONGEST, LONGEST)
        for name, low, high in (("lift", -1, 1), ("gamma", 0.01, 100), ("gain", 0, 100)):
            for value in getattr(self, name):
                check_between(name, value, low, high)
        for value in self.offset:
            check_between("offset", value, -1e6, 1e6)
        if self.blend not in BLEND_MODES:
            raise VeraError(f"no blend mode is named {brief(self.blend)}; choose from {', '.join(BLEND_MODES)}")
        first, last = (0 if self.range[0] is None else self.range[0]), self.range[1]
        if first < 0 or (last is not None and last < first):
            raise VeraError(
                f"a range is from a frame to one not before it, counted from 0, not {brief(first)} to {brief(last)}"
            )
        check_paint(self.paint)

    def adds_at(self, frame: int) -> bool:
        """Whether it may raise alpha at a source frame, also where the layer has none."""
        return any(stroke.mode == "add" and stroke.is_on(frame) for stroke in self.paint)

    def to_json(self) -> dict[str, Any]:
        """What differs from neutral, as plain JSON values."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        values["paint"] = tuple(stroke.to_json() for stroke in self.paint)
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in values.items()
            if value != getattr(NEUTRAL, name)
        }


NEUTRAL = Adjustment()


def adjustment_from_json(values: Mapping[str, Any]) -> Adjustment:
    """The inverse of `Adjustment.to_json`; VeraError for what it cannot be."""
    known = {field.name: getattr(NEUTRAL, field.name) for field in fields(Adjustment)}
    read: dict[str, Any] = {}
    for name, value in values.items():
        if name not in known:
            raise VeraError(f"no adjustment is named {brief(name)}; choose from {', '.join(known)}")
        if name == "paint":
            read[name] = strokes_from_json(value)
            continue
        default = known[name]
        parts = value if isinstance(default, tuple) else [value]
        kinds: tuple[type, ...] = (str,) if name == "blend" else (int, type(None)) if name == "range" else (int, float)
        size = len(default) if isinstance(default, tuple) else 1
        right = isinstance(parts, list) and len(parts) == size
        if not right or not all(isinstance(part, kinds) and not isinstance(part, bool) for part in parts):
            raise VeraError(f"{name} cannot be {brief(value)}; write it as {list(default) if size > 1 else default!r}")
        read[name] = tuple(parts) if isinstance(default, tuple) else value
    return Adjustment(**read)


def adjust_colors(edit: NDArray[Any], adjustment: Adjustment) -> NDArray[Any]:
    """Lift, gamma and gain of an edit layer `[H,W,3]` uint8 or uint16: uint16, or itself if they are neutral."""
    if (adjustment.lift, adjustment.gamma, adjustment.gain) == (NEUTRAL.lift, NEUTRAL.gamma, NEUTRAL.gain):
        return edit
    top = int(np.iinfo(edit.dtype).max)
    settings = zip(adjustment.lift, adjustment.gamma, adjustment.gain, strict=True)
    return np.stack([_curve(*channel, top)[edit[..., i]] for i, channel in enumerate(settings)], axis=-1)


def adjust_layer(layer: LayerFrame, adjustment: Adjustment, frame: int = 0) -> LayerFrame:
    """Place a layer of the upright source picture's size, change its matte and opacity: alpha float32 if it changes.

    `frame`: number of the source frame that it is laid over, by which strokes of paint are on or off.
    """
    edit, alpha = layer
    if adjustment.scale != 1 or adjustment.offset != (0, 0):
        edit, alpha = _moved(edit, alpha, adjustment)
    if adjustment.choke or adjustment.feather:
        alpha = _soft_matte(to_float(alpha), adjustment)
    if adjustment.paint:
        alpha = paint_alpha(to_float(alpha), adjustment.paint, frame)
    if adjustment.opacity != 1:
        alpha = to_float(alpha) * np.float32(adjustment.opacity)
    return LayerFrame(edit, alpha)


@lru_cache(maxsize=16)
def _curve(lift: float, gamma: float, gain: float, top: int) -> NDArray[np.uint16]:
    x = np.arange(top + 1) / top
    lifted = (gain * (x + lift * (1 - x))).clip(0, 1)
    return np.asarray(np.rint(lifted ** (1 / gamma) * 65535), np.uint16)


def _moved(edit: NDArray[Any], alpha: NDArray[Any], adjustment: Adjustment) -> tuple[NDArray[Any], NDArray[Any]]:
    """Outside the layer's own frame alpha is 0 and its colours go on."""
    height, width = alpha.shape
    scale, (right, down) = adjustment.scale, adjustment.offset
    x, y = (width - 1) / 2, (height - 1) / 2
    matrix = np.array([[1 / scale, 0, x - (x + right) / scale], [0, 1 / scale, y - (y + down) / scale]])
    whole = scale == 1 and float(right).is_integer() and float(down).is_integer()
    flags = cv2.WARP_INVERSE_MAP | (cv2.INTER_NEAREST if whole else cv2.INTER_CUBIC)
    if not whole:
        alpha = to_float(alpha)
    if scale < 1:  # as much blur as the coarser grid needs
        sigma = 0.5 * math.sqrt(1 / scale**2 - 1)
        edit, alpha = (
            np.asarray(cv2.GaussianBlur(layer, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE))
            for layer in (edit, alpha)
        )
    moved = cv2.warpAffine(edit, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    matte = cv2.warpAffine(alpha, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_CONSTANT)
    return np.asarray(moved), np.asarray(matte) if whole else floor_alpha(np.asarray(matte).clip(0, 1))


def _soft_matte(alpha: Float, adjustment: Adjustment) -> Float:
    grown = math.ceil(4 * adjustment.feather + max(-adjustment.choke, 0)) + 2
    x, y, columns, rows = cv2.boundingRect((alpha > 0).view(np.uint8))
    if not columns:
        return alpha
    box = slice(max(y - grown, 0), y + rows + grown), slice(max(x - grown, 0), x + columns + grown)
    matte = alpha[box]
    if adjustment.choke:
        matte = _choked(matte, adjustment.choke)
    if adjustment.feather:
        soft = cv2.GaussianBlur(matte, (0, 0), adjustment.feather, borderType=cv2.BORDER_REPLICATE)
        matte = floor_alpha(np.asarray(soft))
    result = np.zeros_like(alpha)
    result[box] = matte
    return result


def _choked(alpha: Float, pixels: float) -> Float:
    """Erode by a disc, dilate if negative; between whole radii mix the two."""
    work = cv2.erode if pixels > 0 else cv2.dilate
    radius, share = int(abs(pixels)), abs(pixels) % 1

    def by(radius: int) -> Float:
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2)
        return np.asarray(work(alpha, disc), np.float32) if radius else alpha

    if not share:
        return by(radius)
    return np.asarray((1 - share) * by(radius) + share * by(radius + 1), np.float32)
