"""From model size to source size: alpha takes its edge from a picture that shows it at full size.

A fast guided filter (He and Sun, "Fast Guided Filter", 2015) with a colour guide, in the form of detail injection: in a
small window alpha is an affine function of the guide's colour; the slope of that function, found at model size from
the fine detail of both, is applied to what the full-size guide has and its small copy has not. "auto" then looks at
what came out: nearly every sample of a hard-edged matte is 0 or 1, so a right guide brings it nearer to that than
interpolation does, and a wrong one drives it away. Where it does not come nearer, the interpolated matte stays.
"""

import math
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.arrays import Float
from vera.choices import Guide
from vera.layers.layer_frame import FULL, LayerFrame, to_float
from vera.layers.refine.floor import ALPHA_FLOOR, fit_layer, floor_alpha
from vera.layers.threads import on_all_cores

Box = tuple[slice, slice]

# Lengths are in pixels of the model's size, colours and alpha in [0,1]. The limits of trust (EXPLAINED, STEEP, NEARER)
# and of choice (LEAST_EXPLAINED, AS_GOOD) give up some of the gain so that "auto" is nowhere worse than interpolation:
# `python -m benchmarks.refine edges photos` prints the worst case of all scenes; `time` prints what a frame costs;
# `python -m benchmarks.sensitivity upsample` prints what half and double of each are worth. RADIUS, EPSILON,
# LEAST_RANGE, LEAST_DETAIL and MOST_NOISE change the mean error by at most 0.2 %.
RADIUS = 3  # of the windows
EPSILON = 1e-4  # mean square of a guide's fine detail that counts as flat
EPSILON_BLUR = 1e-6  # the same where guides of several blurs are compared: more would favour the sharp ones
LEAST_RANGE = ALPHA_FLOOR / FULL  # of alpha among neighbours; below it is even, and has no edge to sharpen
LEAST_DETAIL = 1e-5  # mean square of alpha's fine detail in a window that has an edge
EXPLAINED = (0.3, 0.8)  # of it that the guide predicts, and not from noise: not used below, wholly above
STEEP = (0.6, 0.85)  # of the steepness that a hard edge would have: interpolation is right for what is softer
NEARER = (-1.05, -0.7)  # the distance from 0 and 1 with the guide over that without it, negated
MOST_NOISE = 0.15  # the plate's noise in alpha is taken out up to here
LEAST_EXPLAINED = 0.5  # of an edit's fine detail; below, the plate is no guide to it
COMPARED = 0.5  # sigma by which alpha and plate are blurred for the comparison: noise would favour the blurred guides
AS_GOOD = 1.15  # a guide that misses this many times the least is as good, and the less blurred one is the safer
BLURS = (0.0, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0)  # sigmas that are tried
TILE = 112  # side of what is worked on at a time: its full-size planes stay in a core's cache

_SQUARE = np.ones((3, 3), np.uint8)
_WINDOW = np.ones((2 * RADIUS + 1,) * 2, np.uint8)


class _Tile(NamedTuple):
    """A part of the picture: with margin for what is worked out at model size, with margin to enlarge, without."""

    grown: Box
    rim: Box
    rim_full: Box
    inner: Box
    inner_full: Box


def upsample_layer(
    layer: LayerFrame,
    size: tuple[int, int],
    plate_small: NDArray[Any] | None = None,
    plate: NDArray[Any] | None = None,
    guide: Guide = "auto",
    blur: float = 0.0,
) -> LayerFrame:
    """Enlarge a layer to `size` (width, height), alpha float32; where it shrinks, or without a plate, by `fit_layer`.

    Args:
        layer: codes or floats `[h,w,3]` and `[h,w]`.
        plate_small: the source's frame as RGB `[h,w,3]`; the plate, averaged, if None.
        plate: the same as `[H,W,3]` of `size`, uint8 or uint16, upright.
        guide: "plate", for edits along edges of the source; "composite", the layer frame over the small plate,
            interpolated; "auto", the plate where it explains alpha; "none".
        blur: sigma, in pixels of the model's size, by which alpha is less sharp than `plate_small`.
            `choose_guide` finds it.
    """
    fitted = fit_layer(layer, size)
    height, width = layer.alpha.shape
    if guide == "none" or plate is None or size[0] <= width or size[1] <= height:
        return fitted
    if plate.shape[:2] != (size[1], size[0]):
        raise ValueError(f"the plate is {plate.shape[1]}x{plate.shape[0]}, not {size[0]}x{size[1]}")
    if plate_small is None:
        plate_small = np.asarray(cv2.resize(plate, (width, height), interpolation=cv2.INTER_AREA))
    if guide == "composite":
        plate_small = _composite(layer, plate_small)
        plate = np.asarray(cv2.resize(plate_small, size, interpolation=cv2.INTER_CUBIC))
    guided = Guided(to_float(layer.alpha), fitted.alpha, plate_small, plate, blur, judged=guide == "auto")
    return LayerFrame(fitted.edit, guided.enlarge())


class Guided:
    """Enlarges one alpha along the edges of a plate: every tile is injected, then every tile is blended.

    Args:
        alpha: `[h,w]` float32.
        interpolated: the same at full size, `[H,W]` float32.
        plate_small, plate: the guide at both sizes, RGB, codes or floats.
        blur: sigma by which alpha is less sharp than `plate_small`.
        judged: whether the guide is used only as far as it is trusted.
    """

    def __init__(
        self,
        alpha: Float,
        interpolated: Float,
        plate_small: NDArray[Any],
        plate: NDArray[Any],
        blur: float,
        judged: bool,
    ) -> None:
        self.alpha, self.interpolated, self.plate_small, self.plate = alpha, interpolated, plate_small, plate
        self.blur, self.judged = blur, judged
        self.noise = np.float32(plate_noise(plate))
        self.uneven = (_range(alpha, _SQUARE) > LEAST_RANGE).astype(np.float32)
        self.trust = self.uneven.copy()  # how much of the guide is used; even alpha stays as it is
        self.injected = np.empty_like(interpolated)
        # From 0 and 1, at model size: of the injected alpha, of the interpolated one.
        self.distances = np.zeros((2, *alpha.shape), np.float32)

    def enlarge(self) -> Float:
        """Work out alpha at full size, `[H,W]` float32."""
        tiles = list(_tiles(self.uneven > 0, self.plate.shape[1::-1], self.blur))
        result = self.interpolated.copy()
        on_all_cores(self.inject, tiles)
        on_all_cores(lambda tile: self.blend(tile, result), tiles)
        return result

    def inject(self, tile: _Tile) -> None:
        """Work out a tile's alpha with the plate's detail, and where it is judged how far to trust it."""
        alpha, sharp = self.alpha[tile.grown], to_float(self.plate_small[tile.grown])
        near = _blurred(sharp, self.blur)
        slope, explained, detail = _fit(near, alpha)
        noise = np.asarray(self.noise * np.sqrt((slope * slope).sum(0)))  # of the plate, in alpha
        gain = _enlarged(1 / (1 - 2 * np.minimum(noise, np.float32(MOST_NOISE))), tile)
        settled = _settled(_injected(alpha, near, slope, self.plate[tile.inner_full], tile), gain)
        self.injected[tile.inner_full] = settled + np.float32(0.5)
        if self.judged:
            self._measure(tile, settled, gain)
            explained = np.minimum(explained, _clean(_applied(slope, _fine(sharp)), noise))
            trust = _trust(alpha, explained, detail, self.blur)
            self.trust[tile.inner] *= trust[_within(tile.grown, tile.inner)]

    def _measure(self, tile: _Tile, settled: Float, gain: Float) -> None:
        """Measure how far a tile's alpha is from 0 and 1, injected (`settled`) and interpolated."""
        edge = self.uneven[tile.inner]
        plain = _settled(self.interpolated[tile.inner_full], gain)
        for distance, values in zip(self.distances, (settled, plain), strict=True):
            distance[tile.inner] = _distance(values, edge.shape) * edge

    def blend(self, tile: _Tile, result: Float) -> None:
        """Mix a tile's injected alpha into `result` as far as it is trusted."""
        trust, plain = self.trust[tile.grown], result[tile.inner_full]
        if self.judged:
            guided, interpolated = (_average(distance[tile.grown]) for distance in self.distances)
            nearer = _ramp(np.asarray(-guided / np.maximum(interpolated, np.float32(1e-4))), NEARER)
            trust = np.asarray(trust * nearer)
        trust = _enlarged(trust, tile)
        mixed = plain + trust * (self.injected[tile.inner_full] - plain)
        np.copyto(plain, floor_alpha(mixed), where=trust > 0)


def _composite(layer: LayerFrame, plate: NDArray[Any]) -> Float:
    """Lay a layer over a plate of its size, RGB `[h,w,3]`."""
    alpha = to_float(layer.alpha)[..., None]
    return np.asarray(alpha * to_float(layer.edit) + (1 - alpha) * to_float(plate))


def choose_guide(alphas: Iterable[NDArray[Any]], plates_small: Iterable[NDArray[Any]]) -> tuple[Guide, float]:
    """Choose guide and blur for an edit from a few of its alphas `[h,w]` and small plates `[h,w,3]`, codes or floats.

    A matte out of a decoder is less sharp than the plate, and the slope between them is right only if both are equally
    sharp. So the plate is blurred until it explains the most. ("none", 0.0) where that is too little.
    """
    explained = np.zeros(len(BLURS))
    total = 0.0
    for alpha, small in zip(alphas, plates_small, strict=True):
        alpha = to_float(alpha)
        x, y, columns, rows = cv2.boundingRect((_range(alpha, _SQUARE) > LEAST_RANGE).view(np.uint8))
        if not rows:
            continue
        margin = 4 * RADIUS + _reach(max(BLURS))
        box = slice(max(0, y - margin), y + rows + margin), slice(max(0, x - margin), x + columns + margin)
        alpha, plate = _blurred(alpha[box], COMPARED), _blurred(to_float(small)[box], COMPARED)
        for number, blur in enumerate(BLURS):
            _, predicted, detail = _fit(_blurred(plate, blur), alpha, EPSILON_BLUR)
            detail = np.where(detail > LEAST_DETAIL, detail, np.float32(0))
            explained[number] += float((predicted.clip(0, 1) * detail).sum(dtype=np.float64))
        total += float(detail.sum(dtype=np.float64))
    missed = 1 - explained / max(total, 1e-9)
    best = int((missed <= AS_GOOD * missed.min()).argmax())
    return ("auto", BLURS[best]) if missed[best] < 1 - LEAST_EXPLAINED else ("none", 0.0)


def plate_noise(plate: NDArray[Any]) -> float:
    """Standard deviation, in [0,1], of what is as fine as a pixel in `plate` `[H,W,3]`: noise, and texture with it.

    The median of diagonal differences of the green channel, on every fifth pixel of every seventh row.
    """
    green = plate[..., 1]
    height, width = (length - 1 for length in green.shape)
    corners = [green[y : height + y : 7, x : width + x : 5].astype(np.float32) for y in (0, 1) for x in (0, 1)]
    median = float(np.median(np.abs(corners[0] - corners[1] - corners[2] + corners[3])))
    return median / 2 / 0.6745 / (1 if plate.dtype == np.float32 else np.iinfo(plate.dtype).max)


def _injected(alpha: Float, near: Float, slope: Float, plate: NDArray[Any], tile: _Tile) -> Float:
    """Enlarge alpha with the plate's own detail instead of its small copy's, without margin and not clipped."""
    full = _enlarged(np.asarray(alpha - _applied(slope, near)), tile, cv2.INTER_CUBIC)
    for channel, channel_slope in zip(cv2.split(np.ascontiguousarray(plate)), slope, strict=True):
        full = full + _enlarged(channel_slope, tile) * to_float(channel)
    return full


def _settled(alpha: Float, gain: Float) -> Float:
    """Stretch alpha about one half, to [-0.5,0.5], so that what is within the noise of 0 or 1 becomes just that."""
    return np.asarray((alpha - np.float32(0.5)) * gain).clip(-0.5, 0.5)


def _distance(settled: Float, shape: tuple[int, ...]) -> Float:
    """Average the distance of settled alpha from 0 and 1 down to `shape`."""
    return np.asarray(np.float32(0.5) - cv2.resize(np.abs(settled), shape[::-1], interpolation=cv2.INTER_AREA))


def _fit(guide: Float, alpha: Float, epsilon: float = EPSILON) -> tuple[Float, Float, Float]:
    """Fit alpha to the guide `[h,w,3]` in windows: slope `[3,h,w]`, how much of alpha's fine detail it predicts (1 is
    all), mean square of that detail."""
    fine, fine_guide = _fine(alpha), _fine(guide)
    g0, g1, g2 = cv2.split(fine_guide)
    c0, c1, c2 = (_average(channel * fine) for channel in (g0, g1, g2))
    s00, s11, s22 = (_average(channel * channel) + np.float32(epsilon) for channel in (g0, g1, g2))
    s01, s02, s12 = _average(g0 * g1), _average(g0 * g2), _average(g1 * g2)
    # The inverse by its cofactors.
    k00, k01, k02 = s11 * s22 - s12 * s12, s02 * s12 - s01 * s22, s01 * s12 - s02 * s11
    k11, k12, k22 = s00 * s22 - s02 * s02, s01 * s02 - s00 * s12, s00 * s11 - s01 * s01
    scale = 1 / np.maximum(s00 * k00 + s01 * k01 + s02 * k02, np.float32(1e-20))
    rows = (k00 * c0 + k01 * c1 + k02 * c2, k01 * c0 + k11 * c1 + k12 * c2, k02 * c0 + k12 * c1 + k22 * c2)
    slope = np.stack([_average(np.asarray(row * scale, np.float32)) for row in rows])
    missed = fine - _applied(slope, fine_guide)
    detail = _average(fine * fine)
    explained = 1 - np.asarray(_average(np.square(missed)) / np.maximum(detail, np.float32(1e-9)), np.float32)
    return slope, explained, detail


def _clean(injected: Float, noise: Float) -> Float:
    """Estimate how much of the injected detail is not the plate's noise, 1 for all, `[h,w]`."""
    return np.asarray(1 - noise * noise / np.maximum(_average(injected * injected), np.float32(1e-9)))


def _trust(alpha: Float, explained: Float, detail: Float, blur: float) -> Float:
    """Say how much of the guide is used, 0 to 1 `[h,w]`, by what it explains and how steep alpha is."""
    edge = (detail > LEAST_DETAIL).astype(np.float32)
    trust = _average(_ramp(explained, EXPLAINED) * edge) / np.maximum(_average(edge), np.float32(1e-3))
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
    margin = 4 * RADIUS + 6 + _reach(blur)  # window in window in window, fine detail, enlarging
    rows, columns = (_cuts(small, full, margin) for small, full in zip(uneven.shape, size[::-1], strict=True))
    near = cv2.dilate(uneven.view(np.uint8), _WINDOW)
    for across in rows:
        for along in columns:
            tile = _Tile(*zip(across, along, strict=True))
            if near[tile.inner].any():
                yield tile


@cache
def _cuts(small: int, full: int, margin: int) -> list[tuple[slice, ...]]:
    """The slices of each tile along one axis."""
    period = small // math.gcd(small, full)
    step, wide, narrow = (math.ceil(length / period) * period for length in (TILE, margin, 3))
    cuts: list[tuple[slice, ...]] = []
    for start in range(0, small, step):
        inner = slice(start, min(start + step, small))
        grown, rim = (slice(max(0, start - more), min(inner.stop + more, small)) for more in (wide, narrow))
        rim_full, inner_full = (slice(p.start * full // small, p.stop * full // small) for p in (rim, inner))
        cuts.append((grown, rim, rim_full, inner, inner_full))
    return cuts


def _within(outer: Box, inner: Box) -> Box:
    rows, columns = (slice(i.start - o.start, i.stop - o.start) for o, i in zip(outer, inner, strict=True))
    return rows, columns


def _enlarged(plane: Float, tile: _Tile, method: int = cv2.INTER_LINEAR) -> Float:
    """A plane of the tile with margin, at full size without."""
    rows, columns = tile.rim_full
    size = (columns.stop - columns.start, rows.stop - rows.start)
    full = cv2.resize(plane[_within(tile.grown, tile.rim)], size, interpolation=method)
    return np.asarray(full[_within(tile.rim_full, tile.inner_full)])


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
