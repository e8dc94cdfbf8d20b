"""How much the edited clip differs from the source where nothing was edited: softness, and the codec's residue."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.arrays import Float
from vera.layers.threads import on_all_cores

# Chosen, not searched for: what a median over agreeing pixels can carry.
# `python -m benchmarks.sensitivity layerize --only noise` prints what half and double of each are worth.
SMALLEST = 0.7 / 255  # rounding to 8 bits, twice
UNKNOWN = (2 / 255, 0.1)  # where hardly anything agrees: what was usual for clips at crf 20
FEWEST = 100  # agreeing pixels; with fewer the noise is not known
BINS = 8  # of the source's slope, each with a median of its own
# Sigmas in pixels. Clips are compared at up to twice the edited one's width, where its blur has twice the pixels.
BLURS = (0.0, 0.4, 0.6, 0.8, 1.0, 1.3, 1.6, 2.0, 2.5, 3.2, 4.0, 5.0)
SOFTER = 0.97  # part of the difference that must remain for a blur to be believed


@dataclass(frozen=True)
class Noise:
    """Standard deviation `sqrt(flat^2 + (steep * slope)^2)` of a smoothed difference, `slope` being the source's."""

    flat: float
    steep: float

    def level(self, slope: Float, factor: float = 1.0) -> Float:
        """`[H,W]` for the slopes of a frame, as `slope_of` gives them; `factor` for a frame coded worse than others."""
        return np.asarray(factor * np.sqrt(self.flat**2 + np.square(self.steep * slope)), np.float32)


def slope_of(grey: Float) -> Float:
    """`[H,W]`, root mean square of the gradient about each pixel: where re-sampling and codecs err most."""
    x, y = cv2.Sobel(grey, cv2.CV_32F, 1, 0, scale=1 / 8), cv2.Sobel(grey, cv2.CV_32F, 0, 1, scale=1 / 8)
    return np.asarray(np.sqrt(np.maximum(cv2.GaussianBlur(x * x + y * y, (0, 0), 1.5), 0)))


def smoothed_difference(source: Float, edited: Float) -> Float:
    """`[H,W,3]`, of two matched frames."""
    return np.asarray(cv2.GaussianBlur(edited - source, (0, 0), 1.0))


def soften(picture: Float, sigma: float) -> Float:
    """Blur by a Gaussian of `sigma` pixels."""
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma)) if sigma else picture


def fit_softness(parts: Sequence[tuple[Float, Float, NDArray[np.bool_]]]) -> float:
    """Sigma of the blur that brings the source closest to the edited clip, from `(source, edited, agreeing)`, grey.

    Editors draw softer than cameras: what the source has more of detail is no edit.
    """

    def residues_of(part: tuple[Float, Float, NDArray[np.bool_]]) -> list[float]:
        source, edited, agrees = part
        return [float(np.abs(edited - soften(source, sigma))[agrees].sum(dtype=np.float64)) for sigma in BLURS]

    residues = np.sum(on_all_cores(residues_of, parts), axis=0)
    best = int(np.argmin(residues))
    return BLURS[best] if residues[best] < SOFTER * residues[0] else 0.0


def fit_noise(parts: Sequence[tuple[Float, Float]]) -> Noise:
    """From `(slope [N], difference [N,3])` of agreeing pixels of several frames; medians, so that few may not agree."""
    slope = np.concatenate([part[0] for part in parts])
    difference = np.concatenate([part[1] for part in parts])
    if len(slope) < FEWEST:
        return Noise(*UNKNOWN)
    edges = np.quantile(slope, np.linspace(0, 1, BINS + 1))
    squares, levels = np.zeros(BINS), np.zeros(BINS)
    for i in range(BINS):
        inside = (slope >= edges[i]) & (slope <= edges[i + 1])
        squares[i] = np.square(slope[inside]).mean()
        levels[i] = (1.4826 * np.median(np.abs(difference[inside]))) ** 2
    steep = max(float(np.polyfit(squares, levels, 1)[0]), 0.0) if np.ptp(squares) > 0 else 0.0
    flat = max(float(np.median(levels - steep * squares)), SMALLEST**2)
    return Noise(flat**0.5, steep**0.5)
