"""Primaries of ITU-T H.273 (8.1): chromaticities, and matrices from linear RGB to XYZ."""

import numpy as np
from numpy.typing import NDArray

Colors = NDArray[np.float64]

BT709 = 1


# x and y of red, green, blue by AVColorPrimaries; the white of all of them is D65.
PRIMARIES = {
    1: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),
    5: ((0.640, 0.330), (0.290, 0.600), (0.150, 0.060)),
    6: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070)),
    7: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070)),
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
    22: ((0.630, 0.340), (0.295, 0.605), (0.155, 0.077)),
}


D65 = (0.3127, 0.3290)


def to_xyz(primaries: int) -> Colors:
    """`[3,3]`, from linear RGB to XYZ with Y of white 1; unspecified and unknown primaries are BT.709's."""
    corners = PRIMARIES.get(primaries, PRIMARIES[BT709])
    columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in (*corners, D65)]).T
    scale: Colors = columns[:, :3] * np.linalg.solve(columns[:, :3], columns[:, 3])
    return scale


def chromaticities(primaries: int) -> tuple[float, ...] | None:
    """x and y of red, green, blue and white; None for primaries that are not known here."""
    corners = PRIMARIES.get(primaries)
    return None if corners is None else (*corners[0], *corners[1], *corners[2], *D65)


def same_primaries(one: int, other: int) -> bool:
    """Whether two numbers name the same primaries; unspecified ones are BT.709's."""
    return PRIMARIES.get(one, PRIMARIES[BT709]) == PRIMARIES.get(other, PRIMARIES[BT709])
