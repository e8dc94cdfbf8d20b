"""How well an object's outline fits a true silhouette of its class, whatever its size and place."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.arrays import Float
from vera.metrics.inputs import check_matte
from vera.metrics.objects import Alpha, main_component
from vera.video.view import spread_frames

Mask = NDArray[np.bool_]  # [H,W]
LOOKS = 3  # frames of a clip
SIDE = 160  # pixels of the square that outlines are compared in
SPAN = 64  # root of an outline's area in it: nano draws objects of 40 to 100 pixels
SCALES = np.geomspace(0.8, 1.25, 15)  # of a silhouette, from where its area is the object's: steps of 3 %


def outline_iou(alpha: Alpha, silhouettes: Sequence[Mask]) -> float:
    """Return the intersection over union, 0 to 1, of a clip's object and the silhouette `[H,W]` that fits it best.

    The object is the main component of up to `LOOKS` frames, of which the mean is taken; a frame without one counts 0.
    Each silhouette, as it is and mirrored, is moved and scaled to fit, but not turned.
    """
    check_matte(alpha)
    spectra = [
        _spectrum(_normalize(mask[:, ::step], scale)) for mask in silhouettes for step in (1, -1) for scale in SCALES
    ]
    return float(np.mean([_best_fit(main_component(alpha[t]), spectra) for t in spread_frames(len(alpha), LOOKS)]))


def _best_fit(mask: Mask, spectra: Sequence[tuple[NDArray[np.complex128], float]]) -> float:
    if not mask.any():
        return 0.0
    spectrum, area = _spectrum(_normalize(mask, 1.0))
    return max(_shifted_iou(spectrum * other.conj(), area + other_area) for other, other_area in spectra)


def _shifted_iou(product: NDArray[np.complex128], areas: float) -> float:
    """Of two outlines of `areas` together, by the product of their spectra: the largest overlap over all shifts."""
    overlap = float(np.fft.irfft2(product).max())
    return overlap / (areas - overlap)


def _spectrum(picture: Float) -> tuple[NDArray[np.complex128], float]:
    """The spectrum of an outline, with room for every shift, and its area."""
    return np.fft.rfft2(picture, (2 * SIDE, 2 * SIDE)), float(picture.sum())


def _normalize(mask: Mask, scale: float) -> Float:
    """An outline in the middle of a square of `SIDE`, the root of its area `scale * SPAN`; 0 or 1."""
    rows, columns = np.nonzero(mask)
    zoom = scale * SPAN / np.sqrt(rows.size)
    shift = (SIDE - 1) / 2 - zoom * np.array([columns.mean(), rows.mean()])
    matrix = np.array([[zoom, 0, shift[0]], [0, zoom, shift[1]]])
    moved = cv2.warpAffine(mask.astype(np.float32), matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR)
    return np.asarray(moved > 0.5, np.float32)
