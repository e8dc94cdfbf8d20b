"""What relates the two clips where nothing was edited: place, colours, softness, noise. Fitted once for a clip, and
checked frame by frame."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vera.arrays import Float
from vera.layers.layer_frame import unit
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
from vera.layers.layerize.frames import FramePair
from vera.layers.layerize.noise import Noise, fit_noise, fit_softness, slope_of, smoothed_difference, soften
from vera.layers.layerize.structure import agreement, structure_agrees

ENOUGH = 300_000  # pixels that colours and noise are fitted on
PLAUSIBLE = 12 / 255  # difference beyond which what looks alike is an edit of brightness, not noise
NOTICED = 0.1  # pixels of shift of a single frame that are corrected
FARTHEST = 4.0  # pixels of it that are believed
FEWEST = 500  # agreeing pixels by which a frame can be checked
DOUBTFUL = 0.15  # share of agreeing structure that might be chance
TYPICAL = 0.77  # median of the mean of three deviations, if the noise is as expected


@dataclass(frozen=True)
class Match:
    """`matrix` as `align.warp` takes it; `softness` in pixels; `agreement` is the share of the picture's structure that
    both clips have, beyond chance."""

    matrix: Matrix
    colors: ColorMatch
    softness: float
    noise: Noise
    agreement: float


class Matched(NamedTuple):
    """A frame pair on the source's grid and in its colours, float32 `[H,W,3]`: the source as it is, and as soft as the
    edited picture; that picture; the noise level `[H,W]`; the shift by which this frame was off."""

    source: Float
    softened: Float
    edited: Float
    level: Float
    shift: tuple[float, float]


def fit_match(pairs: Sequence[FramePair]) -> Match:
    """From a few frames of the clip, of which any part may be edited. One of them at a time is in memory as floats."""
    greys = [shrink(_greys(pair), FINE) for pair in pairs]
    size, edited = (picture.shape[1::-1] for picture in (pairs[0].source, pairs[0].edited))
    small = find_map(greys)
    matrix = rescale(small, greys[0], size, edited)

    def aligned(colors: ColorMatch) -> Iterator[tuple[Float, Float, NDArray[np.bool_]]]:
        """Source and edited picture of each pair, and where they agree in structure, of what the mask keeps."""
        for pair in pairs:
            source, picture = unit(pair.source), colors.apply(warp(unit(pair.edited), matrix, size))
            alike = structure_agrees(grey(source), grey(picture))
            yield source, picture, alike if pair.kept is None else alike & pair.kept

    share = ENOUGH // len(pairs)
    colors = fit_colors(*pool([_thinned(alike, share, one, other) for one, other, alike in aligned(NEUTRAL)]))
    softness = fit_softness((grey(one), grey(other), alike) for one, other, alike in aligned(colors))
    parts = []
    for source, picture, alike in aligned(colors):
        softened = soften(source, softness)
        difference = smoothed_difference(softened, picture)
        largest = np.abs(difference).max(-1)
        chosen = np.where(alike, largest < PLAUSIBLE, largest < PLAUSIBLE / 2)
        parts.append(_thinned(chosen, share, slope_of(grey(softened)), difference))
    return Match(matrix, colors, softness, fit_noise(parts), _agreement(greys, small))


def _thinned(mask: NDArray[np.bool_], count: int, *pictures: Float) -> tuple[Float, Float]:
    """The pixels of both pictures under the mask, evenly thinned to about `count`."""
    places = np.flatnonzero(mask)
    places = places[:: 1 + places.size // count]
    one, other = (picture.reshape(mask.size, *picture.shape[2:])[places] for picture in pictures)
    return one, other


def apply_match(match: Match, pair: FramePair) -> Matched:
    """Bring a frame pair together. Where a frame is off by a shift, a brightness or more noise, that is corrected."""
    greys = _greys(pair)
    shift = find_shift(greys, match.matrix)
    length = max(abs(shift[0]), abs(shift[1]))
    shift = shift if NOTICED < length < FARTHEST else (0.0, 0.0)
    source = unit(pair.source)
    softened = soften(source, match.softness)
    edited = match.colors.apply(warp(unit(pair.edited), shifted(match.matrix, shift), greys.size))
    level = match.noise.level(slope_of(grey(softened)))
    difference = smoothed_difference(softened, edited)
    alike = structure_agrees(greys.source, grey(edited)) & (np.abs(difference).max(-1) < PLAUSIBLE)
    if pair.kept is not None:
        alike &= pair.kept
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
    return GreyPair(grey(unit(pair.source)), grey(unit(pair.edited)), pair.kept)
