"""How a frame lies locally beside the source: a smooth field of displacements, where an affine map is not enough.

Editors draw the picture anew, and what they draw wobbles by a pixel or so. Lucas and Kanade's equations (1981), summed
over wide Gaussian windows and only over pixels whose structure agrees, follow that; an edit says nothing, and there the
field continues from around.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.arrays import Float
from vera.layers.layerize.structure import structure_agrees

Mask = NDArray[np.bool_]

# Chosen, except NOTICED, for smooth fields of a few pixels, which are all that editors' warps showed.
# `python -m benchmarks.sensitivity layerize --only wobble` prints what half and double of each are worth.
LONGEST = 640  # pixels along the longer side at which the field is found
COARSE = 4  # in each direction, of the equations' grid
WINDOW = 0.03  # sigma of a window, of the longer side
STEPS = 3
FARTHEST = 2.5  # pixels at that size
STIFF = 2e-3  # of the mean squared slope: where fewer slopes speak the field tends to none
# Pixels that a quarter of the frame must lie beside. The simulated editor's warps gave 0.5 to 1.3, re-encoded clips at
# most 0.22: the fields found in runs of `python -m benchmarks.layerize_editors` and of `python -m benchmarks.layerize`.
NOTICED = 0.35
COARSEST = 6.0  # sigma of the detail that is compared: the smooth light of smoke and shadows displaces nothing


def find_wobble(source: Float, edited: Float, kept: Mask | None = None) -> Float | None:
    """`[H,W,2]`, how many pixels further right and down `edited` shows what `source` shows, both grey `[H,W]`; None if
    they lie in place.

    `kept` `[H,W]`, true on what may be compared; None for all.
    """
    height, width = source.shape
    scale = min(1.0, LONGEST / max(height, width))
    size = (max(16, round(width * scale)), max(16, round(height * scale)))
    one, other = (_detail(_resized(part, size)) for part in (source, edited))
    trusted = np.ones(one.shape, np.float32)
    if kept is not None:
        trusted = np.asarray(_resized(kept.astype(np.float32), size) > 0.99, np.float32)
    columns, rows = np.meshgrid(*(np.arange(side, dtype=np.float32) for side in size))
    field = np.zeros((*one.shape, 2), np.float32)
    for _ in range(STEPS):
        moved = cv2.remap(
            other, columns + field[..., 0], rows + field[..., 1], cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE
        )
        field = (field + _step(one, moved, trusted)).clip(-FARTHEST, FARTHEST)
    if np.quantile(np.hypot(field[..., 0], field[..., 1]), 0.75) < NOTICED:
        return None
    return np.asarray(cv2.resize(field, (width, height), interpolation=cv2.INTER_LINEAR) / np.float32(scale))


def warp_locally(picture: Float, matrix: NDArray[np.float64], wobble: Float) -> Float:
    """`picture` `[h,w,3]` brought onto the source's grid by `matrix`, as `align.warp` takes it, after `wobble`."""
    height, width = wobble.shape[:2]
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    x, y = columns + wobble[..., 0], rows + wobble[..., 1]
    (a, b, c), (d, e, f) = matrix.astype(np.float32)
    maps = a * x + b * y + c, d * x + e * y + f
    return np.asarray(cv2.remap(picture, *maps, cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REPLICATE))


def _step(source: Float, edited: Float, trusted: Float) -> Float:
    """The displacement `[H,W,2]` that the slopes of both pictures ask for."""
    residual = source - edited
    agrees = structure_agrees(source, edited)
    if not agrees.any():
        return np.zeros((*source.shape, 2), np.float32)
    residual = residual - np.float32(np.median(residual[agrees]))
    spread = max(1.4826 * float(np.median(np.abs(residual[agrees]))), 0.5 / 255)
    weight = trusted * agrees / np.square(1 + np.square(residual / np.float32(3 * spread)))
    right, down = (cv2.Sobel(edited, cv2.CV_32F, *order, scale=1 / 8) for order in ((1, 0), (0, 1)))
    xx, xy, yy, xr, yr = (
        _summed(weight * product)
        for product in (right * right, right * down, down * down, right * residual, down * residual)
    )
    stiff = np.float32(STIFF) * (xx + yy).mean() + np.float32(1e-9)
    xx, yy = xx + stiff, yy + stiff
    determinant = xx * yy - xy * xy
    step = np.dstack([(yy * xr - xy * yr) / determinant, (xx * yr - xy * xr) / determinant])
    return np.asarray(cv2.resize(step, source.shape[::-1], interpolation=cv2.INTER_CUBIC))


def _detail(picture: Float) -> Float:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 1.0) - cv2.GaussianBlur(picture, (0, 0), COARSEST))


def _summed(values: Float) -> Float:
    """Over Gaussian windows, on a coarse grid."""
    height, width = values.shape
    small = cv2.resize(values, (max(4, width // COARSE), max(4, height // COARSE)), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(small, (0, 0), WINDOW * max(height, width) / COARSE))


def _resized(picture: Float, size: tuple[int, int]) -> Float:
    return (
        picture if picture.shape == size[::-1] else np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))
    )
