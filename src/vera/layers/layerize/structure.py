"""Whether two pictures show the same thing, whatever their brightness and contrast: correlation in small windows."""

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.arrays import Float

# Chosen, not searched for: a window holds several details of about three pixels.
# `python -m benchmarks.sensitivity layerize --only structure` prints what half and double of each are worth.
WINDOW = 15  # pixels
SIMILAR = 0.8  # correlation from which two windows show the same
CONTRAST = 3 / 255  # standard deviation from which a window has structure
ALIKE = 0.08  # difference of plain parts that a common change of colours may explain
NEAR = 2  # pixels over which a picture's edges are seen


def structure_agrees(one: Float, other: Float) -> NDArray[np.bool_]:
    """`[H,W]` of two grey pictures in [0,1]: there is structure in both, and it is the same."""
    contrast, correlation = _compare(one, other)
    return (correlation > SIMILAR) & (contrast > CONTRAST)


def plain_agrees(one: Float, other: Float) -> NDArray[np.bool_]:
    """`[H,W]` of two grey pictures in [0,1]: neither has structure, and they are about as bright."""
    means = _mean(one), _mean(other)
    plain = [_spread(picture, mean) < CONTRAST for picture, mean in zip((one, other), means, strict=True)]
    return np.asarray(plain[0] & plain[1] & (np.abs(means[0] - means[1]) < ALIKE))


def agreement(one: Float, other: Float, kept: NDArray[np.bool_] | None = None) -> float:
    """Share of the windows with structure (of those in `kept`) that show the same; some do by chance."""
    contrast, correlation = _compare(one, other)
    structured = contrast > CONTRAST
    if kept is not None:
        structured &= kept
    same = int(np.count_nonzero(structured & (correlation > SIMILAR)))
    return same / max(int(np.count_nonzero(structured)), 1)


def edges(picture: Float) -> Float:
    """`[H,W]`, how far the values of `[H,W,3]` lie apart within `NEAR` pixels, in the channel where that is most."""
    window = np.ones((2 * NEAR + 1,) * 2, np.uint8)
    return np.asarray((cv2.dilate(picture, window) - cv2.erode(picture, window)).max(-1))


def _compare(one: Float, other: Float) -> tuple[Float, Float]:
    """The lesser of both standard deviations, and the correlation, in windows about every pixel."""
    mean_one, mean_other = _mean(one), _mean(other)
    spread_one, spread_other = _spread(one, mean_one), _spread(other, mean_other)
    shared = _mean(one * other) - mean_one * mean_other
    return np.minimum(spread_one, spread_other), shared / np.maximum(spread_one * spread_other, np.float32(1e-7))


def _spread(picture: Float, mean: Float) -> Float:
    return np.asarray(np.sqrt(np.maximum(_mean(picture * picture) - mean**2, 0)))


def _mean(picture: Float) -> Float:
    return np.asarray(cv2.blur(picture, (WINDOW, WINDOW)))
