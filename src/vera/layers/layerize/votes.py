"""The displacement that most blocks of two pictures vote for: a mode, so that most of the frame may have changed."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.arrays import Float
from vera.layers.layerize.structure import CONTRAST

Points = NDArray[np.float64]  # [N,2], x and y

# Chosen, not searched for: a block holds some texture, and enough votes remain for a clip of 416 pixels.
# `python -m benchmarks.sensitivity layerize --only votes` prints what half and double of each are worth.
BLOCK = 48  # pixels
CLOSE = 1.0  # pixels within which votes agree
TRIES = 2000  # pairs of votes: where a fifth of the votes agree, about 80 pairs are right
STRETCH = 0.2  # the most that an editor's crop or squeeze scales an axis


def vote(pairs: Sequence[tuple[Float, Float]]) -> list[Points]:
    """Maps `[2,3]` from the first pictures to the second that have the most blocks behind them: the best mere shift,
    and the best shift with a scale of each axis."""
    places, shifts, weights = [], [], []
    window = cv2.createHanningWindow((BLOCK, BLOCK), cv2.CV_32F)
    for one, other in pairs:
        for y in range(0, one.shape[0] - BLOCK + 1, BLOCK // 2):
            for x in range(0, one.shape[1] - BLOCK + 1, BLOCK // 2):
                block = one[y : y + BLOCK, x : x + BLOCK]
                if block.std() < CONTRAST:
                    continue
                # Copies: OpenCV multiplies its arguments by the window in place.
                blocks = block.copy(), other[y : y + BLOCK, x : x + BLOCK].copy()
                shift, response = cv2.phaseCorrelate(*blocks, window)
                places.append((x + BLOCK / 2, y + BLOCK / 2))
                shifts.append(shift)
                weights.append(response)
    if not places:
        return []
    height, width = pairs[0][0].shape
    middle = np.array([width, height]) / 2
    place, shift, weight = np.array(places) - middle, np.array(shifts), np.array(weights)
    still = _best(place, shift, weight, np.zeros_like(shift), shift)
    # A pair of blocks, far apart, says how much the picture is stretched.
    first, second = np.random.default_rng(0).integers(len(place), size=(2, TRIES))
    apart = np.all(np.abs(place[first] - place[second]) > BLOCK, axis=1)
    first, second = first[apart], second[apart]
    scale = (shift[first] - shift[second]) / (place[first] - place[second])
    sane = np.all(np.abs(scale) < STRETCH, axis=1)
    stretched = _best(place, shift, weight, scale[sane], (shift[first] - scale * place[first])[sane])
    return [np.column_stack([np.diag(1 + scale), offset - scale * middle]) for scale, offset in (still, stretched)]


def _best(place: Points, shift: Points, weight: Points, scales: Points, offsets: Points) -> tuple[Points, Points]:
    """Scale and offset of the hypothesis, each from one block or two, that the most blocks agree with."""
    most, best = -1.0, (np.zeros(2), np.zeros(2))
    for scale, offset in zip(scales, offsets, strict=True):
        error = np.square(shift - place * scale - offset).sum(axis=1)
        votes = float(weight @ np.maximum(0, 1 - error / CLOSE**2))
        if votes > most:
            most, best = votes, (scale, offset)
    return best
