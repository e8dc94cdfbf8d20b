"""Where the edited clip's picture lies on the source's: one affine map a clip, found from the parts that agree.

Blocks of the picture vote for their displacement (phase correlation), and the map with the most votes wins, so that a
preserved tenth of the frame outweighs nine tenths that disagree with each other. Gauss-Newton steps on the pixels
whose structure agrees then bring it to a few hundredths of a pixel.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.arrays import Float
from vera.layers.layerize.structure import structure_agrees
from vera.layers.layerize.votes import vote
from vera.layers.threads import on_all_cores

Matrix = NDArray[np.float64]  # [2,3], from pixels of the source to pixels of the edited picture

# Half and double of these change the gain by at most 0.1 dB and the matte's error by 2 %: they bound the work, and
# make chance agreements rare (`python -m benchmarks.sensitivity layerize --only align`). The last three are chosen so
# that the simplest map wins where it is as good: not measured, as no case has a large one.
COARSE, FINE = 320, 960  # pixels along the longer side at which blocks vote and where the map is polished
SHIFT, AFFINE = [0, 3], [0, 1, 2, 3, 4, 5]  # of the six parameters of a step
STEPS = 6
SETTLED = 0.002  # pixels
FEWEST, ENOUGH = 100, 10_000  # pixels that must agree for a step; about so many are looked at
BETTER = 1.03  # how many times the score of a simpler map another one must have
NEAR = 0.5  # pixels
FARTHEST = 0.25  # of the frame, that the middle is shifted or the frame is stretched, turned or skewed


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
    """Luma of float RGB `[H,W,3]`."""
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
    """The map of all pairs together, as `warp` takes it: the simplest that fits about as well as any."""
    full, edited = pairs[0].size, pairs[0].edited.shape[::-1]
    coarse, fine = ([shrink(pair, longest) for pair in pairs] for longest in (COARSE, FINE))
    start = initial_map(coarse[0].size, coarse[0].edited.shape[::-1])
    votes = vote([(pair.source, warp(pair.edited, start, pair.size)) for pair in coarse])
    best, best_score, best_free = start, -1.0, SHIFT
    for matrix in (start, *(compose(start, voted) for voted in votes)):
        for free in (SHIFT, AFFINE):
            matrix = _polish(coarse, matrix, free)
            score = _score(coarse, matrix)
            if score > BETTER * best_score and _is_plausible(matrix, start, coarse[0].size):
                best, best_score, best_free = matrix, score, free
    best = rescale(best, coarse[0], fine[0].size, fine[0].edited.shape[::-1])
    best = _polish(fine, best, best_free)
    if best_free is SHIFT:
        bent = _polish(fine, best, AFFINE)
        best = bent if _score(fine, bent) > BETTER * _score(fine, best) else best
    if not _is_plausible(rescale(best, fine[0], full, edited), initial_map(full, edited), full):
        return initial_map(full, edited)
    return rescale(best, fine[0], full, edited)


def _is_plausible(matrix: Matrix, start: Matrix, size: tuple[int, int]) -> bool:
    """Whether a map is no further from `start` than an editor's crop or stretch would be; more is found by chance."""
    linear = np.linalg.solve(start[:, :2], matrix[:, :2]) - np.eye(2)
    middle = np.array([*size, 2]) / 2
    moved = np.linalg.solve(start[:, :2], (matrix - start) @ middle)
    return bool(np.abs(linear).max() <= FARTHEST and np.all(np.abs(moved) <= FARTHEST * np.array(size)))


def find_shift(pair: GreyPair, matrix: Matrix) -> tuple[float, float]:
    """How far, in pixels of the source, this frame lies beside `matrix`; none where little agrees."""
    small = shrink(pair, FINE)
    start = rescale(matrix, pair, small.size, small.edited.shape[::-1])
    moved = _polish([small], start, SHIFT)
    there = np.linalg.solve(start[:, :2], moved[:, 2] - start[:, 2])
    x, y = there * np.array(pair.size) / np.array(small.size)
    return float(x), float(y)


def shifted(matrix: Matrix, shift: tuple[float, float]) -> Matrix:
    """A map, moved by `shift` in the source's pixels."""
    return np.column_stack([matrix[:, :2], matrix[:, 2] + matrix[:, :2] @ np.array(shift)])


def _score(pairs: Sequence[GreyPair], matrix: Matrix) -> float:
    """How many pixels agree, those less whose difference a shift of more than a fraction of a pixel would explain."""
    total = 0.0
    for agreeing in on_all_cores(partial(_agreeing, matrix=matrix), pairs):
        if agreeing.residual.size:
            slope = np.hypot(*agreeing.slopes) * NEAR + 2 / 255
            total += agreeing.stride * float(np.maximum(0, 1 - np.square(agreeing.residual / slope)).sum())
    return total


def _polish(pairs: Sequence[GreyPair], matrix: Matrix, free: list[int]) -> Matrix:
    """Gauss-Newton on the agreeing pixels of all pairs (Baker and Matthews, 2004), brightness fitted along."""
    width, height = pairs[0].size
    for _ in range(STEPS):
        normal, right = np.zeros((6, 6)), np.zeros(6)
        for part in on_all_cores(partial(_normal_equations, matrix=matrix), pairs):
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
        matrix = compose(matrix, np.column_stack([np.eye(2) + linear, shift]))
        if np.abs(step).max() < SETTLED:
            break
    return matrix


def _normal_equations(pair: GreyPair, matrix: Matrix) -> tuple[Matrix, Matrix] | None:
    """Of the affine step about the middle that brings the edited picture onto the source; None if little agrees."""
    found = _agreeing(pair, matrix)
    if found.residual.size < FEWEST:
        return None
    width, height = pair.size
    place = np.stack([np.ones(found.rows.size), found.columns / width - 0.5, found.rows / height - 0.5])
    jacobian = np.concatenate([slope * place for slope in found.slopes])
    weighted = jacobian * found.weight
    return weighted @ jacobian.T, weighted @ found.residual


class _Agreeing(NamedTuple):
    """Pixels whose structure agrees, one in `stride` of them: the source less the edited picture in its brightness, a
    robust weight, and the slopes of that picture to the right and down."""

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    residual: Matrix
    weight: Matrix
    slopes: tuple[Matrix, Matrix]
    stride: int


def _agreeing(pair: GreyPair, matrix: Matrix) -> _Agreeing:
    one, other = pair.source, warp(pair.edited, matrix, pair.size)
    one, other = cv2.GaussianBlur(one, (0, 0), 1.0), cv2.GaussianBlur(other, (0, 0), 1.0)
    agrees = structure_agrees(one, other)
    places = np.flatnonzero(agrees if pair.kept is None else agrees & pair.kept)
    stride = 1 + places.size // ENOUGH
    rows, columns = np.divmod(places[::stride], one.shape[1])
    a, b = one[rows, columns].astype(np.float64), other[rows, columns].astype(np.float64)
    gain, offset, weight = _fit_line(b, a)
    right, down = (
        gain * cv2.Sobel(other, cv2.CV_32F, *order, scale=1 / 8)[rows, columns] for order in ((1, 0), (0, 1))
    )
    return _Agreeing(rows, columns, a - gain * b - offset, weight, (right, down), stride)


def _fit_line(x: Matrix, y: Matrix) -> tuple[float, float, Matrix]:
    """Gain and offset of y over x, and the weights (Geman-McClure) that they were found with by re-weighting."""
    weight = np.ones_like(x)
    gain, offset = 1.0, 0.0
    if not x.size:
        return gain, offset, weight
    for _ in range(5):
        total = weight.sum()
        mean_x, mean_y = (weight @ x) / total, (weight @ y) / total
        gain = float((weight @ ((x - mean_x) * (y - mean_y))) / max(weight @ np.square(x - mean_x), 1e-9))
        offset = float(mean_y - gain * mean_x)
        residual = y - gain * x - offset
        spread = max(1.4826 * float(np.median(np.abs(residual))), 0.5 / 255)
        weight = 1 / np.square(1 + np.square(residual / (2 * spread)))
    return gain, offset, weight


def compose(matrix: Matrix, step: Matrix) -> Matrix:
    """First `step`, within the source, then `matrix`."""
    return np.column_stack([matrix[:, :2] @ step[:, :2], matrix[:, :2] @ step[:, 2] + matrix[:, 2]])


def rescale(matrix: Matrix, of: GreyPair, source: tuple[int, int], edited: tuple[int, int]) -> Matrix:
    """A map between the pictures of `of` as one between the same pictures of other sizes (width, height)."""
    into = initial_map(source, of.size)
    out = initial_map(of.edited.shape[::-1], edited)
    return compose(out, compose(matrix, into))


def _fitted(size: tuple[int, int], longest: int) -> tuple[int, int]:
    scale = min(1.0, longest / max(size))
    return max(16, round(size[0] * scale)), max(16, round(size[1] * scale))


def _resized(picture: Float, size: tuple[int, int]) -> Float:
    if picture.shape == size[::-1]:
        return picture
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))
