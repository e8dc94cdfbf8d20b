"""How pictures are turned and mirrored for display: the whole display matrix, and what of it a picture can follow."""

import struct
from dataclasses import dataclass
from typing import Any

import av
import numpy as np
from av.sidedata.sidedata import Type
from numpy.typing import NDArray

from vera.video.decoding.filters import DISPLAY_MATRIX, has_side_data, side_data

# a b u, c d v, x y w: a pixel at (p, q) is shown at (a*p + c*q + x, b*p + d*q + y); in 1/65536, u, v, w in 1/2**30.
Matrix = tuple[int, ...]
_IDENTITY: Matrix = (1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
_ROUNDING = 2  # units by which a matrix may differ that was kept as angles, as Matroska does


@dataclass(frozen=True)
class Orientation:
    """How a stored picture becomes upright: left and right swapped if `mirrored`, then so many quarter `turns`
    counter-clockwise."""

    turns: int = 0
    mirrored: bool = False

    def upright(self, stored: NDArray[Any]) -> NDArray[Any]:
        """View a picture `[H,W]` or `[H,W,C]`, as stored, upright."""
        return np.rot90(stored[:, ::-1] if self.mirrored else stored, self.turns)

    def stored(self, upright: NDArray[Any]) -> NDArray[Any]:
        """View an upright picture as it is to be stored: the reverse of `upright`."""
        turned = np.rot90(upright, -self.turns)
        return turned[:, ::-1] if self.mirrored else turned

    def swapped(self, size: tuple[int, int]) -> tuple[int, int]:
        """Give width and height as stored for those of the upright picture, and the other way round."""
        return (size[1], size[0]) if self.turns % 2 else size

    def __str__(self) -> str:
        turned = f"turned by {self.turns * 90} degrees counter-clockwise"
        return f"mirrored and {turned}" if self.mirrored else turned


UPRIGHT = Orientation()


def display_matrix(frame: av.VideoFrame) -> Matrix | None:
    """Read the frame's display matrix, nine integers in FFmpeg's order; None if it is shown as it is stored."""
    if not has_side_data(frame, DISPLAY_MATRIX):
        return None
    found = next(struct.unpack("=9i", bytes(side)) for side in side_data(frame) if side.type is Type.DISPLAYMATRIX)
    return None if found == _IDENTITY else found


def nearest_orientation(matrix: Matrix | None) -> Orientation:
    """Find the one of the eight right-angled orientations that is nearest to a display matrix.

    Right angles are met exactly. Of a matrix that turns by others, or skews, the picture is edited in the nearest.
    """
    if matrix is None:
        return UPRIGHT
    linear = np.array([[matrix[0], matrix[3]], [matrix[1], matrix[4]]], np.float64)
    choices = [Orientation(turns, mirrored) for mirrored in (False, True) for turns in range(4)]
    return max(choices, key=lambda choice: float((linear * _linear(choice)).sum()))


def same_matrix(one: Matrix | None, other: Matrix | None) -> bool:
    """Compare two display matrices as a whole, to the rounding of files that keep angles.

    One that keeps no shift is the same where the other's only brings a picture turned at right angles back into view.
    """
    first, second = one or _IDENTITY, other or _IDENTITY
    if is_right_angled(one) and is_right_angled(other) and (0, 0) in (first[6:8], second[6:8]):
        first, second = (*first[:6], 0, 0, first[8]), (*second[:6], 0, 0, second[8])
    return all(abs(a - b) <= _ROUNDING for a, b in zip(first, second, strict=True))


def is_right_angled(matrix: Matrix | None) -> bool:
    """Whether the matrix only mirrors and turns at right angles, whatever its shift."""
    a, b, u, c, d, v, _, _, w = matrix or _IDENTITY
    one = 1 << 16
    unscaled = sorted((abs(a), abs(b))) == sorted((abs(c), abs(d))) == [0, one] and abs(a) == abs(d)
    return unscaled and (u, v, w) == (0, 0, 1 << 30)


def _linear(orientation: Orientation) -> NDArray[np.float64]:
    """Where the steps to the right and down lead, as the columns of a matrix."""
    turn = np.array([[0, 1], [-1, 0]], np.float64)
    mirror = np.diag([-1.0, 1.0]) if orientation.mirrored else np.eye(2)
    return np.asarray(np.linalg.matrix_power(turn, orientation.turns) @ mirror, np.float64)
