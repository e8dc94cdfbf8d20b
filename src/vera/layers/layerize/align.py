"""Where the edited clip's picture lies on the source's: one affine map a clip, found from the parts that agree.

Blocks of the picture vote for their displacement (phase correlation), and the map with the most votes wins, so that a
preserved tenth of the frame outweighs nine tenths that disagree with each other. Gauss-Newton steps on the pixels
whose structure agrees then bring it to a few hundredths of a pixel.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.layers.layerize.structure import structure_agrees
from vera.layers.layerize.votes import vote

Float = NDArray[np.float32]
Matrix = NDArray[np.float64]  # [2,3], from pixels of the source to pixels of the edited picture

COARSE, FINE = 320, 960  # pixels along the longer side at which blocks vote and where the map is polished
STEPS = 6
SETTLED = 0.002  # pixels
FEWEST = 100  # pixels that must agree for a step


@dataclass(frozen=True)
class GreyPair:
    """Grey pictures of one frame, float32 in [0,1]: the source `[H,W]`, the edited one `[h,w]`.

    `kept` `[H,W]` is true where a mask says that the edit preserves, None without a mask.
    """

    source: Float
    edited: Float
    kept: NDArray[np.bool_] | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the source."""
        return self.source.shape[1], self.source.shape[0]


def initial_map(source: tuple[int, int], edited: tuple[int, int]) -> Matrix:
    """The map if both pictures cover the same frame; sizes are (width, height)."""
    scale = np.array(edited) / np.array(source)
    return np.column_stack([np.diag(scale), (scale - 1) / 2])


def warp(edited: Float, matrix: Matrix, size: tuple[int, int]) -> Float:
    """`edited` brought onto the source's grid of `size` (width, height); the border repeats."""
    flags = cv2.INTER_LANCZOS4 | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(edited, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE))


def grey(picture: NDArray[np.float32]) -> Float:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY))


def shrink(pair: GreyPair, longest: int) -> GreyPair:
    """The pair with the source's longer side at most `longest` pixels, and the edited picture not finer than it."""
    size = _fitted(pair.size, longest)
    height, width = pair.edited.shape
    edited = (min(width, size[0]), min(height, size[1]))
    kept = pair.kept
    if kept is not None:
        kept = cv2.resize(kept.view(np.uint8), size, interpolation=cv2.INTER_NEAREST).astype(bool)
    return GreyPair(_resized(pair.source, size), _resized(pair.edited, edited), kept)


def find_map(pairs: Sequence[GreyPair]) -> Matrix:
    """The map of all pairs together, as `warp` takes it."""
    full, (height, width) = pairs[0].size, pairs[0].edited.shape
    coarse, fine = ([shrink(pair, longest) for pair in pairs] for longest in (COARSE, FINE))
    start = initial_map(coarse[0].size, coarse[0].edited.shape[::-1])
    voted = vote([(pair.source, warp(pair.edited, start, pair.size)) for pair in coarse])
    found = [_polish(coarse, matrix) for matrix in (start, _compose(start, voted))]
    hits = [sum(np.count_nonzero(agreeing(pair, matrix)) for pair in coarse) for matrix in found]
    best = _rescale(found[int(hits[1] > 1.05 * hits[0])], coarse[0], fine[0].size, fine[0].edited.shape[::-1])
    return _rescale(_polish(fine, best), fine[0], full, (width, height))


def agreeing(pair: GreyPair, matrix: Matrix) -> NDArray[np.bool_]:
    """`[H,W]`, where both show the same structure, of what the mask keeps."""
    agrees = structure_agrees(pair.source, warp(pair.edited, matrix, pair.size))
    return agrees if pair.kept is None else agrees & pair.kept


def find_shift(pair: GreyPair, matrix: Matrix) -> tuple[float, float]:
    """How far, in pixels of the source, this frame lies beside `matrix`; none where little agrees."""
    small = shrink(pair, FINE)
    start = _rescale(matrix, pair, small.size, small.edited.shape[::-1])
    moved = _polish([small], start, shift_only=True)
    there = np.linalg.solve(start[:, :2], moved[:, 2] - start[:, 2])
    x, y = there * np.array(pair.size) / np.array(small.size)
    return float(x), float(y)


def shifted(matrix: Matrix, shift: tuple[float, float]) -> Matrix:
    return np.column_stack([matrix[:, :2], matrix[:, 2] + matrix[:, :2] @ np.array(shift)])


def _polish(pairs: Sequence[GreyPair], matrix: Matrix, shift_only: bool = False) -> Matrix:
    """Gauss-Newton on the agreeing pixels of all pairs (Baker and Matthews, 2004), brightness fitted along."""
    free = [0, 3] if shift_only else [0, 1, 2, 3, 4, 5]
    width, height = pairs[0].size
    for _ in range(STEPS):
        normal, right = np.zeros((6, 6)), np.zeros(6)
        for pair in pairs:
            part = _normal_equations(pair, matrix)
            if part is not None:
                normal += part[0]
                right += part[1]
        if not normal.any():
            return matrix
        # Few pixels in one place should not turn or stretch the whole frame: a weak pull towards no such change.
        normal[[1, 2], [1, 2]] += 1e-3 * normal[0, 0]
        normal[[4, 5], [4, 5]] += 1e-3 * normal[3, 3]
        step = np.zeros(6)
        step[free] = np.linalg.solve(normal[np.ix_(free, free)], right[free])
        offset, linear = step.reshape(2, 3)[:, 0], step.reshape(2, 3)[:, 1:] / np.array([width, height])
        shift = offset - linear @ np.array([width, height]) / 2
        matrix = _compose(matrix, np.column_stack([np.eye(2) + linear, shift]))
        if np.abs(step).max() < SETTLED:
            break
    return matrix


def _normal_equations(pair: GreyPair, matrix: Matrix) -> tuple[Matrix, Matrix] | None:
    """Of the affine step about the middle that brings the edited picture onto the source; None if little agrees."""
    one, other = pair.source, warp(pair.edited, matrix, pair.size)
    one, other = cv2.GaussianBlur(one, (0, 0), 1.0), cv2.GaussianBlur(other, (0, 0), 1.0)
    agrees = structure_agrees(one, other)
    rows, columns = np.nonzero(agrees if pair.kept is None else agrees & pair.kept)
    if rows.size < FEWEST:
        return None
    a, b = one[rows, columns].astype(np.float64), other[rows, columns].astype(np.float64)
    gain, offset, weight = _fit_line(b, a)
    slopes = (cv2.Sobel(other, cv2.CV_32F, *order, scale=1 / 8)[rows, columns] for order in ((1, 0), (0, 1)))
    width, height = pair.size
    place = np.stack([np.ones(rows.size), columns / width - 0.5, rows / height - 0.5])
    jacobian = np.concatenate([gain * slope * place for slope in slopes])
    weighted = jacobian * weight
    return weighted @ jacobian.T, weighted @ (a - gain * b - offset)


def _fit_line(x: Matrix, y: Matrix) -> tuple[float, float, Matrix]:
    """Gain and offset of y over x, and the weights (Geman-McClure) that they were found with by re-weighting."""
    weight = np.ones_like(x)
    gain, offset = 1.0, 0.0
    for _ in range(5):
        total = weight.sum()
        mean_x, mean_y = (weight @ x) / total, (weight @ y) / total
        gain = float((weight @ ((x - mean_x) * (y - mean_y))) / max(weight @ np.square(x - mean_x), 1e-9))
        offset = float(mean_y - gain * mean_x)
        residual = y - gain * x - offset
        spread = max(1.4826 * float(np.median(np.abs(residual))), 0.5 / 255)
        weight = 1 / np.square(1 + np.square(residual / (2 * spread)))
    return gain, offset, weight


def _compose(matrix: Matrix, step: Matrix) -> Matrix:
    """First `step`, within the source, then `matrix`."""
    return np.column_stack([matrix[:, :2] @ step[:, :2], matrix[:, :2] @ step[:, 2] + matrix[:, 2]])


def _rescale(matrix: Matrix, of: GreyPair, source: tuple[int, int], edited: tuple[int, int]) -> Matrix:
    """A map between the pictures of `of` as one between the same pictures of other sizes (width, height)."""
    into = initial_map(source, of.size)
    out = initial_map(of.edited.shape[::-1], edited)
    return _compose(out, _compose(matrix, into))


def _fitted(size: tuple[int, int], longest: int) -> tuple[int, int]:
    scale = min(1.0, longest / max(size))
    return max(16, round(size[0] * scale)), max(16, round(size[1] * scale))


def _resized(picture: Float, size: tuple[int, int]) -> Float:
    if picture.shape == size[::-1]:
        return picture
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))
