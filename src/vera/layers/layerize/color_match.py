"""Colours of the edited clip brought to the source's: a matrix, and a curve for each channel, fitted where they agree.

The fit looks for a mode: it starts from pixels whose structure agrees, or that a mask says are kept, and goes on with
weights (Geman-McClure, annealed) that let go of what no common change of colour explains. So it need not be most of the
frame that agrees.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vera.arrays import Float

# Chosen, not searched for: a curve of editors' tone, not of single levels.
# `python -m benchmarks.sensitivity layerize --only color_match` prints what half and double of each are worth.
KNOTS = np.linspace(0, 1, 9)  # levels of the curve
SPREADS = (0.08, 0.04, 0.02, 0.012)  # of the annealed weights, in [0,1]
FAMILIAR = 0.02  # how far coefficients may go where no pixel says anything


@dataclass(frozen=True)
class ColorMatch:
    """`matrix` [3,4] takes R, G, B and 1 of the edited clip to the source's; `curve` [3,9] is then added, by knots."""

    matrix: NDArray[np.float64]
    curve: NDArray[np.float64]

    def apply(self, picture: Float) -> Float:
        """RGB `[...,3]` float32, not clipped."""
        matched = picture @ self.matrix[:, :3].T.astype(np.float32) + self.matrix[:, 3].astype(np.float32)
        for channel in range(3):
            if np.abs(self.curve[channel]).max() > 0.25 / 255:
                matched[..., channel] += np.interp(matched[..., channel], KNOTS, self.curve[channel])
        return np.asarray(matched, np.float32)


NEUTRAL = ColorMatch(np.eye(3, 4), np.zeros((3, len(KNOTS))))


def fit_colors(source: Float, edited: Float) -> ColorMatch:
    """From pixels `[N,3]` of both, in [0,1], many of which, though not all, show the same."""
    if len(source) < 100:
        return NEUTRAL
    x, y = edited.astype(np.float64), source.astype(np.float64)
    # The mode of the difference comes first: gains are small beside what disagrees.
    offset = np.array([_mode(y[:, channel] - x[:, channel]) for channel in range(3)])
    matrix = np.column_stack([np.eye(3), offset])
    design = np.column_stack([x, np.ones(len(x))])
    for spread in SPREADS:
        for _ in range(3):
            residual = y - design @ matrix.T
            weight = _weights(residual, spread)
            matrix = _ridge(design, y, weight, matrix_prior=np.eye(3, 4), spread=spread)
    matched = design @ matrix.T
    weight = _weights(y - matched, SPREADS[-1])
    curve = np.stack([_fit_curve(matched[:, c], y[:, c] - matched[:, c], weight) for c in range(3)])
    return ColorMatch(matrix, curve)


def _weights(residual: NDArray[np.float64], spread: float) -> NDArray[np.float64]:
    return np.asarray(1 / np.square(1 + np.square(residual).sum(axis=1) / spread**2))


def _ridge(
    design: NDArray[np.float64],
    target: NDArray[np.float64],
    weight: NDArray[np.float64],
    matrix_prior: NDArray[np.float64],
    spread: float,
) -> NDArray[np.float64]:
    normal = (design * weight[:, None]).T @ design
    # Neighbouring pixels repeat each other: a hundredth of them count as independent.
    pull = (spread / FAMILIAR) ** 2 * 100 * np.eye(len(normal)) * weight.sum() / len(weight)
    right = (design * weight[:, None]).T @ target + pull @ matrix_prior.T
    return np.asarray(np.linalg.solve(normal + pull, right).T)


def _fit_curve(
    value: NDArray[np.float64], residual: NDArray[np.float64], weight: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Values at `KNOTS` of the piecewise linear curve through the residuals, smooth and flat where there are none."""
    place = np.clip(value, 0, 1) * (len(KNOTS) - 1)
    left = np.minimum(place.astype(int), len(KNOTS) - 2)
    share = place - left
    normal, right = np.zeros((len(KNOTS), len(KNOTS))), np.zeros(len(KNOTS))
    for one, other, product in ((0, 0, (1 - share) ** 2), (0, 1, (1 - share) * share), (1, 1, share**2)):
        np.add.at(normal, (left + one, left + other), weight * product)
        if one != other:
            np.add.at(normal, (left + other, left + one), weight * product)
    np.add.at(right, left, weight * (1 - share) * residual)
    np.add.at(right, left + 1, weight * share * residual)
    bend = np.diff(np.eye(len(KNOTS)), 2, axis=0)
    smooth = weight.sum() * (0.02 * bend.T @ bend + 0.001 * np.eye(len(KNOTS)))
    return np.asarray(np.linalg.solve(normal + smooth, right))


def _mode(values: NDArray[np.float64]) -> float:
    """The middle of the densest 1/20 of the range [-0.2, 0.2]."""
    counts, edges = np.histogram(values, bins=160, range=(-0.2, 0.2))
    dense = np.convolve(counts, np.ones(8), mode="same")
    peak = int(dense.argmax())
    return float((edges[peak] + edges[peak + 1]) / 2)


def pool(parts: Sequence[tuple[Float, Float]], count: int = 200_000) -> tuple[Float, Float]:
    """Pixels `[N,3]` of several frames as one set, evenly thinned to at most `count`."""
    source, edited = (np.concatenate([part[i] for part in parts]) for i in range(2))
    step = max(1, len(source) // count)
    return source[::step], edited[::step]
