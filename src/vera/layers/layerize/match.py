"""What relates the two clips where nothing was edited: place, colours, softness, noise. Fitted once for a clip, and
checked frame by frame."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vera.arrays import Float
from vera.layers.layer_frame import to_float
from vera.layers.layerize.align import (
    FINE,
    GreyPair,
    Matrix,
    find_map,
    find_shift,
    grey,
    rescale,
    shifted,
    shrink,
    warp,
)
from vera.layers.layerize.color_match import NEUTRAL, ColorMatch, fit_colors, pool
from vera.layers.layerize.footage import FramePair
from vera.layers.layerize.noise import (
    SMALLEST,
    UNKNOWN,
    Noise,
    fit_noise,
    fit_softness,
    slope_of,
    smoothed_difference,
    soften,
)
from vera.layers.layerize.structure import agreement, plain_agrees, structure_agrees
from vera.layers.layerize.transmission import kept_detail, texture_scale
from vera.layers.layerize.wobble import find_wobble, warp_locally
from vera.layers.threads import on_all_cores

# Chosen, not searched for: the fits are robust, and more pixels only cost time.
# `python -m benchmarks.sensitivity layerize --only match` prints what half and double of each are worth.
ENOUGH = 300_000  # pixels that colours and noise are fitted on
PLAUSIBLE = 12 / 255  # difference beyond which what looks alike is an edit of brightness, not noise
NOTICED = 0.1  # pixels of shift of a single frame that are corrected
FARTHEST = 4.0  # pixels of it that are believed
MANY, OFTEN = 3000, 20_000  # agreeing pixels from which a frame has colours of its own, and how many are looked at
FEWEST = 500  # agreeing pixels by which a frame can be checked
DETAIL = (0.5, 1.0)  # shares of the texture that an editor may leave: softness has told the rest
DOUBTFUL = 0.15  # share of agreeing structure that might be chance
TYPICAL = 0.77  # median of the mean of three deviations, if the noise is as expected


@dataclass(frozen=True)
class Match:
    """`matrix` as `align.warp` takes it; `softness` in pixels; `agreement` is the share of the picture's structure that
    both clips have, beyond chance; `detail` the share of the softened source's texture that is left where nothing was
    edited."""

    matrix: Matrix
    colors: ColorMatch
    softness: float
    noise: Noise
    agreement: float
    detail: float = 1.0


class Matched(NamedTuple):
    """A frame pair on the source's grid and in its colours, float32 `[H,W,3]`: the source as it is, and as soft as the
    edited picture; that picture; the noise level `[H,W]`; the shift by which this frame was off."""

    source: Float
    softened: Float
    edited: Float
    level: Float
    shift: tuple[float, float]


def fit_match(pairs: Sequence[FramePair]) -> Match:
    """From a few frames of the clip, of which any part may be edited; all of them are in memory as floats."""
    greys = on_all_cores(lambda pair: shrink(_greys(pair), FINE), pairs)
    size, edited = (picture.shape[1::-1] for picture in (pairs[0].source, pairs[0].edited))
    small = find_map(greys)
    matrix = rescale(small, greys[0], size, edited)

    count = ENOUGH // len(pairs)
    colors = fit_colors(*pool(on_all_cores(lambda pair: _agreeing(pair, matrix, NEUTRAL, count), pairs)))
    first = Match(matrix, colors, 0.0, Noise(*UNKNOWN), 0.0)
    brought = on_all_cores(partial(_bring, first), pairs)
    softness = fit_softness([(grey(one.source), grey(one.edited), one.alike) for one in brought])
    parts, details = zip(*on_all_cores(lambda one: _noise_and_detail(one, softness, count), brought), strict=True)
    return Match(matrix, colors, softness, fit_noise(parts), _agreement(greys, small), _fit_detail(details))


def _fit_detail(shares: Sequence[Float]) -> float:
    """The middle of what the windows of each frame tell; all of it where too few do, as some agree by chance."""
    told = np.concatenate(shares)
    return float(np.median(told).clip(*DETAIL)) if len(told) >= MANY * len(shares) else 1.0


class _Brought(NamedTuple):
    """A frame pair on the source's grid and in its colours, `[H,W,3]`; where both agree in structure, of what the mask
    keeps, `[H,W]`; the shift by which the frame was off."""

    source: Float
    edited: Float
    alike: NDArray[np.bool_]
    shift: tuple[float, float]


def _bring(match: Match, pair: FramePair) -> _Brought:
    """Place and colours of one frame: the clip's, and what this frame is off by itself."""
    greys = _greys(pair)
    shift = find_shift(greys, match.matrix)
    length = max(abs(shift[0]), abs(shift[1]))
    shift = shift if NOTICED < length < FARTHEST else (0.0, 0.0)
    matrix = shifted(match.matrix, shift)
    wobble = find_wobble(greys.source, warp(greys.edited, matrix, greys.size), pair.kept)
    source, edited = to_float(pair.source), to_float(pair.edited)
    placed = warp(edited, matrix, greys.size) if wobble is None else warp_locally(edited, matrix, wobble)
    edited = match.colors.apply(placed)
    matched = grey(edited)
    alike = structure_agrees(greys.source, matched)
    if np.count_nonzero(alike) < MANY:
        alike |= plain_agrees(greys.source, matched)
    if pair.kept is not None:
        alike &= pair.kept
    if np.count_nonzero(alike) >= MANY:
        edited = fit_colors(*_thinned(alike, OFTEN, source, edited)).apply(edited)
    return _Brought(source, edited, alike, shift)


def _noise_and_detail(one: _Brought, softness: float, count: int) -> tuple[tuple[Float, Float], Float]:
    """Of a frame, about `count` agreeing pixels as `fit_noise` takes them, and the shares of texture that are left."""
    softened = soften(one.source, softness)
    difference = smoothed_difference(softened, one.edited)
    largest = np.abs(difference).max(-1)
    chosen = np.where(one.alike, largest < PLAUSIBLE, largest < PLAUSIBLE / 2)
    quiet = np.full(chosen.shape, SMALLEST, np.float32)
    alike = one.alike & (largest < PLAUSIBLE)
    detail = kept_detail(softened, one.edited, alike, quiet, texture_scale(softness))
    return _thinned(chosen, count, slope_of(grey(softened)), difference), detail


def _agreeing(pair: FramePair, matrix: Matrix, colors: ColorMatch, count: int) -> tuple[Float, Float]:
    """Pixels `[N,3]` of source and edited picture that agree in structure."""
    source = to_float(pair.source)
    edited = colors.apply(warp(to_float(pair.edited), matrix, (source.shape[1], source.shape[0])))
    alike = structure_agrees(grey(source), grey(edited))
    return _thinned(alike if pair.kept is None else alike & pair.kept, count, source, edited)


def _thinned(mask: NDArray[np.bool_], count: int, *pictures: Float) -> tuple[Float, Float]:
    """The pixels of both pictures under the mask, evenly thinned to about `count`."""
    places = np.flatnonzero(mask)
    places = places[:: 1 + places.size // count]
    one, other = (picture.reshape(mask.size, *picture.shape[2:])[places] for picture in pictures)
    return one, other


def apply_match(match: Match, pair: FramePair) -> Matched:
    """Bring a frame pair together. Where a frame is off by a shift, a brightness or more noise, that is corrected."""
    source, edited, alike, shift = _bring(match, pair)
    softened = soften(source, match.softness)
    level = match.noise.level(slope_of(grey(softened)))
    difference = smoothed_difference(softened, edited)
    alike &= np.abs(difference).max(-1) < PLAUSIBLE
    if np.count_nonzero(alike) >= FEWEST:
        drift = np.median(difference[alike], axis=0)
        edited -= drift
        spread = np.median(np.abs(difference[alike] - drift).mean(-1) / level[alike])
        level *= np.float32(np.clip(spread / TYPICAL, 1, 2))
    return Matched(source, softened, edited, level, shift)


def _agreement(pairs: Sequence[GreyPair], matrix: Matrix) -> float:
    """Share of the structure that both clips have. If it is small, less the share that a search for the best map finds
    by chance: in the same pictures, turned upside down."""

    def share(pairs: Sequence[GreyPair], matrix: Matrix) -> float:
        return float(np.mean([agreement(p.source, warp(p.edited, matrix, p.size), p.kept) for p in pairs]))

    found = share(pairs, matrix)
    if found > DOUBTFUL:
        return found
    turned = [replace(pair, edited=np.ascontiguousarray(pair.edited[::-1, ::-1])) for pair in pairs]
    return found - share(turned, find_map(turned))


def _greys(pair: FramePair) -> GreyPair:
    return GreyPair(grey(to_float(pair.source)), grey(to_float(pair.edited)), pair.kept)
