"""From model size to source size: the matte takes its edge from a picture that shows it at full size.

A fast guided filter (He and Sun, "Fast Guided Filter", 2015) with a colour guide, in the form of detail injection: in a
small window the matte is an affine function of the guide's colour; the slope of that function, found at model size, is
applied to what the full-size guide has and its small copy has not. What the guide does not explain is interpolated as
without it, so a guide that lacks the edge does little harm, and "auto" fades it out wherever it explains too little.
"""

import math
from collections.abc import Iterator
from functools import cache
from typing import Any, Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.layers.refine import ALPHA_FLOOR, FULL, fit_layer, floor_alpha, unit
from vera.layers.threads import pool

Guide = Literal["auto", "plate", "composite", "none"]
Float = NDArray[np.float32]
Box = tuple[slice, slice]

# Lengths are in pixels of the model's size, colours and mattes in [0,1].
RADIUS = 3  # of the windows
EPSILON = 1e-4  # variance of a guide that counts as flat
LEAST_RANGE = ALPHA_FLOOR / FULL  # of the matte among neighbours; below it is even, and has no edge to sharpen
LEAST_DETAIL = 1e-5  # mean square of the matte's fine detail in a window that has an edge
EXPLAINED = (0.65, 0.95)  # share of that detail which the guide predicts: it is not used below, and wholly above
STEEP = (0.5, 0.75)  # of the steepness that a hard edge would have: interpolation is right for what is softer
NOISE = 2.0  # weight of the plate's noise, as injected into the matte, against the detail injected
LEAST_EXPLAINED = 0.1  # of an edit's fine detail; below, the plate is no guide to it
BLURS = (0.0, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0)  # sigmas that are tried
TILE = 112  # side of what is worked on at a time: its full-size planes stay in a core's cache

_SQUARE = np.ones((3, 3), np.uint8)
_WINDOW = np.ones((2 * RADIUS + 1,) * 2, np.uint8)


class _Tile(NamedTuple):
    """A part of the picture, with margin and without, at both sizes."""

    grown: Box
    inner: Box
    grown_full: Box
    inner_full: Box


def upsample_layer(
    edit: NDArray[Any],
    alpha: NDArray[np.uint16],
    size: tuple[int, int],
    plate_small: NDArray[Any] | None = None,
    plate: NDArray[Any] | None = None,
    guide: Guide = "auto",
    blur: float = 0.0,
) -> tuple[NDArray[Any], NDArray[np.uint16]]:
    """One layer frame at `size` (width, height); where it is not enlarged, or without a plate, as `fit_layer` does it.

    Args:
        edit: straight RGB `[h,w,3]`, uint8 or uint16.
        alpha: `[h,w]` uint16; 65535 is full coverage.
        plate_small: the source's frame as RGB `[h,w,3]`; the plate, averaged, if None.
        plate: the same as `[H,W,3]` of `size`, uint8 or uint16, upright.
        guide: "plate", for edits along edges of the source; "composite", the layer frame over the small plate,
            interpolated; "auto", the plate where it explains the matte; "none".
        blur: sigma, in pixels of the model's size, by which the matte is less sharp than `plate_small`.
            `choose_guide` finds it.
    """
    fitted, coverage = fit_layer(edit, alpha, size)
    height, width = alpha.shape
    if guide == "none" or plate is None or size[0] <= width or size[1] <= height:
        return fitted, coverage
    if plate.shape[:2] != (size[1], size[0]):
        raise ValueError(f"the plate is {plate.shape[1]}x{plate.shape[0]}, not {size[0]}x{size[1]}")
    if plate_small is None:
        plate_small = np.asarray(cv2.resize(plate, (width, height), interpolation=cv2.INTER_AREA))
    matte = alpha.astype(np.float32) * np.float32(1 / FULL)
    if guide == "composite":
        weight = matte[..., None]
        plate_small = weight * unit(edit) + (1 - weight) * unit(plate_small)
        plate = np.asarray(cv2.resize(plate_small, size, interpolation=cv2.INTER_CUBIC))
    noise = plate_noise(plate) if guide == "auto" else None
    small, full = plate_small, plate

    def work(tile: _Tile) -> None:
        _inject(
            matte[tile.grown], small[tile.grown], full[tile.inner_full], coverage[tile.inner_full], tile, blur, noise
        )

    for _ in pool().map(work, _tiles(_range(matte, _SQUARE) > LEAST_RANGE, size, blur)):
        pass
    return fitted, coverage


def choose_guide(alpha: NDArray[np.uint16], plates_small: NDArray[Any], frames: int = 5) -> tuple[Guide, float]:
    """The guide and blur for an edit, from up to `frames` of its mattes `[T,h,w]` and small plates `[T,h,w,3]`.

    A matte out of a decoder is less sharp than the plate, and the slope between them is right only if both are equally
    sharp. So the plate is blurred until it explains the most. ("none", 0.0) where that is too little.
    """
    picked = np.unique(np.linspace(0, len(alpha) - 1, min(frames, len(alpha))).round().astype(int))
    explained, used = np.zeros(len(BLURS)), np.zeros(len(BLURS))
    total = 0.0
    for index in picked:
        matte = alpha[index].astype(np.float32) * np.float32(1 / FULL)
        x, y, columns, rows = cv2.boundingRect((_range(matte, _SQUARE) > LEAST_RANGE).view(np.uint8))
        if not rows:
            continue
        margin = 4 * RADIUS + _reach(max(BLURS))
        box = slice(max(0, y - margin), y + rows + margin), slice(max(0, x - margin), x + columns + margin)
        matte, plate = matte[box], unit(plates_small[index][box])
        for number, blur in enumerate(BLURS):
            _, share, detail = _fit(_blurred(plate, blur), matte)
            weight = np.where(detail > LEAST_DETAIL, detail, np.float32(0))
            explained[number] += float((share.clip(0, 1) * weight).sum(dtype=np.float64))
            used[number] += float((_ramp(share, EXPLAINED) * weight).sum(dtype=np.float64))
        total += float(weight.sum(dtype=np.float64))
    best = int(explained.argmax())
    return ("auto", BLURS[best]) if used[best] > LEAST_EXPLAINED * total else ("none", 0.0)


def plate_noise(plate: NDArray[Any]) -> float:
    """Standard deviation, in [0,1], of what is as fine as a pixel in `plate` `[H,W,3]`: noise, and texture with it.

    The median of diagonal differences of the green channel, on every fifth pixel of every seventh row.
    """
    green = plate[..., 1]
    height, width = (length - 1 for length in green.shape)
    corners = [green[y : height + y : 7, x : width + x : 5].astype(np.float32) for y in (0, 1) for x in (0, 1)]
    median = float(np.median(np.abs(corners[0] - corners[1] - corners[2] + corners[3])))
    return median / 2 / 0.6745 / (1 if plate.dtype == np.float32 else np.iinfo(plate.dtype).max)


def _inject(
    alpha: Float,
    plate_small: NDArray[Any],
    plate: NDArray[Any],
    coverage: NDArray[np.uint16],
    tile: _Tile,
    blur: float,
    noise: float | None,
) -> None:
    """Overwrite `coverage` where the guide has a say. Small arrays are of the tile with margin, full ones without."""
    sharp = unit(plate_small)
    guide = _blurred(sharp, blur)
    slope, share, detail = _fit(guide, alpha)
    weight = (_range(alpha, _SQUARE) > LEAST_RANGE).astype(np.float32)  # the support: even mattes stay as they are
    if noise is not None:
        weight *= _trust(alpha, np.minimum(share, _clean(slope, sharp, noise)), detail, blur)
    if not weight.any():
        return
    slope = slope * weight
    rest = alpha - _applied(slope, guide)
    rows, columns = tile.grown_full
    size = (columns.stop - columns.start, rows.stop - rows.start)
    kept = _within(tile.grown_full, tile.inner_full)
    full = cv2.resize(rest, size, interpolation=cv2.INTER_CUBIC)[kept]
    for channel, part in zip(cv2.split(np.ascontiguousarray(plate)), slope, strict=True):
        full += cv2.resize(part, size, interpolation=cv2.INTER_LINEAR)[kept] * unit(channel)
    touched = cv2.resize(weight, size, interpolation=cv2.INTER_LINEAR)[kept] > 0
    codes = (full.clip(0, 1) * np.float32(FULL) + np.float32(0.5)).astype(np.uint16)
    np.copyto(coverage, floor_alpha(codes), where=touched)


def _fit(guide: Float, alpha: Float) -> tuple[Float, Float, Float]:
    """In windows: slope `[3,h,w]` of alpha over the guide `[h,w,3]`; share of alpha's fine detail that it predicts;
    mean square of that detail."""
    channels = cv2.split(guide)
    mean = [_average(channel) for channel in channels]
    center = _average(alpha)
    c0, c1, c2 = (_average(channel * alpha) - m * center for channel, m in zip(channels, mean, strict=True))
    s00, s11, s22 = (
        _average(channel * channel) - m * m + np.float32(EPSILON) for channel, m in zip(channels, mean, strict=True)
    )
    s01, s02, s12 = (_average(channels[i] * channels[j]) - mean[i] * mean[j] for i, j in ((0, 1), (0, 2), (1, 2)))
    # The covariance's inverse by its cofactors.
    k00, k01, k02 = s11 * s22 - s12 * s12, s02 * s12 - s01 * s22, s01 * s12 - s02 * s11
    k11, k12, k22 = s00 * s22 - s02 * s02, s01 * s02 - s00 * s12, s00 * s11 - s01 * s01
    scale = 1 / np.maximum(s00 * k00 + s01 * k01 + s02 * k02, np.float32(1e-20))
    rows = (k00 * c0 + k01 * c1 + k02 * c2, k01 * c0 + k11 * c1 + k12 * c2, k02 * c0 + k12 * c1 + k22 * c2)
    slope = np.stack([_average(np.asarray(row * scale, np.float32)) for row in rows])
    fine = _fine(alpha)
    missed = fine - _applied(slope, _fine(guide))
    detail = _average(fine * fine)
    share = 1 - np.asarray(_average(np.square(missed)) / np.maximum(detail, np.float32(1e-9)), np.float32)
    return slope, share, detail


def _clean(slope: Float, sharp: Float, noise: float) -> Float:
    """Share of the injected detail that is not the plate's noise."""
    injected = _applied(slope, _fine(sharp))
    signal = np.maximum(_average(injected * injected), np.float32(1e-9))
    return np.asarray(1 - np.float32(NOISE * noise**2) * (slope * slope).sum(0) / signal)


def _trust(alpha: Float, share: Float, detail: Float, blur: float) -> Float:
    """How much of the guide is used, from 0 to 1."""
    edge = (detail > LEAST_DETAIL).astype(np.float32)
    trust = _average(_ramp(share, EXPLAINED) * edge) / np.maximum(_average(edge), np.float32(1e-3))
    near, wide = _range(alpha, _SQUARE), _range(alpha, _WINDOW)
    steep = cv2.dilate(near, _WINDOW) / np.maximum(cv2.dilate(wide, _WINDOW), np.float32(1e-3))
    spread = math.sqrt(2) * math.hypot(blur, 0.3)  # an averaged hard edge is one pixel wide
    hard = math.erf(1 / spread) / math.erf(RADIUS / spread)
    return np.asarray(trust * _ramp(steep, (STEEP[0] * hard, STEEP[1] * hard)), np.float32)


def _tiles(uneven: NDArray[np.bool_], size: tuple[int, int], blur: float) -> Iterator[_Tile]:
    """Tiles of the small picture that touch `uneven` pixels.

    Cuts lie where a whole number of small pixels meets a whole number of full-size ones, so that a tile is enlarged as
    the whole picture would be.
    """
    margin = 4 * RADIUS + 6 + _reach(blur)  # window in window in window, fine detail, interpolation
    rows, columns = (_cuts(small, full, margin) for small, full in zip(uneven.shape, size[::-1], strict=True))
    near = cv2.dilate(uneven.view(np.uint8), _WINDOW)
    for across in rows:
        for along in columns:
            tile = _Tile(*zip(across, along, strict=True))
            if near[tile.inner].any():
                yield tile


@cache
def _cuts(small: int, full: int, margin: int) -> list[tuple[slice, slice, slice, slice]]:
    """The four slices of each tile along one axis."""
    unit = small // math.gcd(small, full)
    step, rim = math.ceil(TILE / unit) * unit, math.ceil(margin / unit) * unit
    cuts = []
    for start in range(0, small, step):
        inner = slice(start, min(start + step, small))
        grown = slice(max(0, start - rim), min(inner.stop + rim, small))
        grown_full, inner_full = (slice(p.start * full // small, p.stop * full // small) for p in (grown, inner))
        cuts.append((grown, inner, grown_full, inner_full))
    return cuts


def _within(outer: Box, inner: Box) -> Box:
    rows, columns = (slice(i.start - o.start, i.stop - o.start) for o, i in zip(outer, inner, strict=True))
    return rows, columns


def _applied(slope: Float, guide: Float) -> Float:
    return np.asarray(slope[0] * guide[..., 0] + slope[1] * guide[..., 1] + slope[2] * guide[..., 2])


def _range(plane: Float, window: NDArray[np.uint8]) -> Float:
    return np.asarray(cv2.dilate(plane, window) - cv2.erode(plane, window))


def _fine(picture: Float) -> Float:
    return np.asarray(picture - cv2.GaussianBlur(picture, (7, 7), 1.0))


def _average(plane: Float) -> Float:
    return np.asarray(cv2.blur(plane, _WINDOW.shape))


def _reach(blur: float) -> int:
    return math.ceil(3 * blur)


def _blurred(picture: Float, blur: float) -> Float:
    side = 2 * _reach(blur) + 1
    return np.asarray(cv2.GaussianBlur(picture, (side, side), blur)) if blur else picture


def _ramp(values: Float, ends: tuple[float, float]) -> Float:
    low, high = ends
    return np.asarray((values - np.float32(low)) * np.float32(1 / (high - low))).clip(0, 1)
