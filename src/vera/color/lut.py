"""Look-up tables of colours: .cube files read strictly, and applied both ways by OpenColorIO."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vera.errors import VeraError
from vera.files import read_text

Colors = NDArray[np.float64]

# A cube of side 129 and its file: twice the largest that cameras and grading make. OpenColorIO inverts smaller ones.
MOST_ROWS, LARGEST = 129**3, 64 << 20
LONGEST_CURVE, WIDEST_CUBE = 1 << 20, 127
FARTHEST, NARROWEST = 1e6, 1e-6  # of values, which are light of 65504 at most, and of the range between the ends
# Of the view, by which nine tenths of its colours may miss it on the way there and back: between a cube with noise of
# 0.002 (0.001) and one of greys (0.12), both in tests/color/test_transform.py.
FARTHEST_MISS = 0.02


@dataclass(frozen=True)
class Lut:
    """A table of colours: `table` is `[n,3]`, a curve for each channel, or `[n,n,n,3]` by red, green and blue.

    Its ends are for the inputs `low` and `high`, `[3]` each.
    """

    table: Colors
    low: Colors
    high: Colors

    def apply(self, colors: Colors) -> Colors:
        """Look up colours `[...,3]`, interpolated linearly, in a cube by tetrahedra; outside it as at its edge."""
        inside = (colors - self.low) / (self.high - self.low)
        return self._ways[0](inside.clip(0, 1))

    def apply_backwards(self, colors: Colors) -> Colors:
        """Find colours `[...,3]` that the table turns into `colors`; what it cannot show becomes a near one."""
        return self.low + self._ways[1](colors) * (self.high - self.low)

    @cached_property
    def _ways(self) -> tuple[Callable[[Colors], Colors], Callable[[Colors], Colors]]:
        import PyOpenColorIO as ocio  # noqa: N813

        from vera.color.processor import both_ways

        if self.table.ndim == 2:
            table = ocio.Lut1DTransform(len(self.table), inputHalfDomain=False)
        else:
            # The inverse is that of tetrahedra: with another interpolation the way back would miss.
            table = ocio.Lut3DTransform(len(self.table), interpolation=ocio.INTERP_TETRAHEDRAL)
        table.setData(np.ascontiguousarray(self.table, np.float32))
        return both_ways(table)


def check_inverse(lut: Lut, path: Path) -> None:
    """Raise VeraError for a table that does not keep colours apart, as one of greys: an edit could not come back."""
    grid = np.stack(np.meshgrid(*[np.linspace(0, 1, 9)] * 3), -1)
    view = lut.apply(lut.low + grid * (lut.high - lut.low))
    error = np.abs(lut.apply(lut.apply_backwards(view)) - view).max(-1)
    if np.quantile(error, 0.9) > FARTHEST_MISS * max(1.0, float(np.ptp(view))):
        raise VeraError(
            f"{path}: shows different colours as one and cannot be undone; choose a LUT that keeps them apart"
        )


def read_cube(path: Path) -> Lut:
    """The table in a .cube file (Adobe's and Resolve's kind: one curve for each channel, or one cube).

    VeraError if it is missing or is no such file, or larger than any in use.
    """
    text = read_text(path, LARGEST, errors="replace")  # titles are in any encoding
    settings: dict[str, list[str]] = {}
    rows: list[str] = []
    for line in re.finditer(r"[^\r\n]+", text):
        row = line[0].partition("#")[0].strip()
        if row[:1].isalpha():
            settings[row.split()[0].upper()] = row.split()[1:]
        elif row:
            rows.append(row)
        if len(rows) > MOST_ROWS:
            break
    try:
        curve = "LUT_1D_SIZE" in settings
        size = int(settings["LUT_1D_SIZE" if curve else "LUT_3D_SIZE"][0])
        low, high = _domain(settings, curve)
        if size < 2 or len(rows) != (size if curve else size**3):
            raise ValueError
        table = np.loadtxt(rows, np.float64, comments=None, ndmin=2)
        if table.shape != (len(rows), 3) or not (np.abs(table) <= FARTHEST).all():  # so for nan too
            raise ValueError
        if "LUT_3D_SIZE" in settings and curve:
            raise ValueError
    except (ValueError, KeyError, IndexError):
        raise VeraError(f"{path}: is not a .cube LUT of one table; export it again as a 3D .cube") from None
    most = LONGEST_CURVE if curve else WIDEST_CUBE
    if size > most:
        raise VeraError(f"{path}: has size {size}, and at most {most} can be undone; export it as a cube of 65")
    # In the file red changes fastest.
    return Lut(table if curve else table.reshape(size, size, size, 3).transpose(2, 1, 0, 3).copy(), low, high)


def _domain(settings: dict[str, list[str]], curve: bool) -> tuple[Colors, Colors]:
    """Adobe's DOMAIN_MIN and DOMAIN_MAX, a number a channel, or Resolve's one range for all."""
    both = settings.get("LUT_1D_INPUT_RANGE" if curve else "LUT_3D_INPUT_RANGE", ["0", "1"])
    low = settings.get("DOMAIN_MIN", both[:1] * 3)
    high = settings.get("DOMAIN_MAX", both[1:2] * 3)
    first, last = np.array(low, np.float64), np.array(high, np.float64)
    if first.shape != (3,) or last.shape != (3,):
        raise ValueError
    if not (np.abs([first, last]) <= FARTHEST).all() or not (last - first >= NARROWEST).all():
        raise ValueError
    return first, last
