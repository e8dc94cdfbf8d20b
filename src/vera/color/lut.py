"""Look-up tables of colours: reading .cube files, applying them, and applying them backwards."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vera.errors import VeraError
from vera.files import read_text

Colors = NDArray[np.float64]

# A cube of side 129 and its file: twice the largest that cameras and grading make.
MOST_ROWS, LARGEST = 129**3, 64 << 20
FARTHEST, NARROWEST = 1e6, 1e-6  # of values, which are light of 65504 at most, and of the range between the ends
# Of the inverse: the side of the grid in which it starts, how many starts it tries, steps from each (a step squares the
# error where the table is smooth), and the squared error that is good enough, a tenth of a 10-bit code.
_GRID, _STARTS, _STEPS, _EXACT = 17, 3, 8, 1e-8


@dataclass(frozen=True)
class Lut:
    """A table of colours: `table` is `[n,3]`, a curve for each channel, or `[n,n,n,3]` by red, green and blue.

    Its ends are for the inputs `low` and `high`, `[3]` each.
    """

    table: Colors
    low: Colors
    high: Colors

    def apply(self, colors: Colors) -> Colors:
        """Colours `[...,3]` through the table, linearly interpolated; outside it as at its edge."""
        if self.table.ndim == 2:
            place = np.linspace(0, 1, len(self.table))
            inside = (colors - self.low) / (self.high - self.low)
            return np.stack([np.interp(inside[..., i], place, self.table[:, i]) for i in range(3)], -1)
        return self._look_up(colors.reshape(-1, 3))[0].reshape(colors.shape)

    def apply_backwards(self, colors: Colors) -> Colors:
        """Colours `[...,3]` that the table turns into `colors`, or as near to them as it can come.

        Curves must rise. A cube is inverted by damped Gauss-Newton steps from the nearest values of a grid;
        colours that it cannot show, or shows only beside where it clips, become near ones.
        """
        if self.table.ndim == 2:
            place = np.linspace(0, 1, len(self.table))
            inside = np.stack([np.interp(colors[..., i], self.table[:, i], place) for i in range(3)], -1)
            back: Colors = self.low + inside * (self.high - self.low)
            return back
        # Most pixels of a picture share their colour with another.
        wanted, where = np.unique(colors.reshape(-1, 3), axis=0, return_inverse=True)
        found, error = np.zeros_like(wanted), np.full(len(wanted), np.inf)
        for rank in range(_STARTS):
            # A start where the table is flat, as it is where it clips, leads nowhere.
            rest = np.flatnonzero(error > _EXACT)
            candidate, its_error = self._descend(wanted[rest], self._near(wanted[rest], rank))
            better = its_error < error[rest]
            found[rest[better]], error[rest[better]] = candidate[better], its_error[better]
        return found[where.reshape(-1)].reshape(colors.shape)

    def _descend(self, wanted: Colors, found: Colors) -> tuple[Colors, Colors]:
        """Of inputs `found` `[n,3]` better ones for the outputs `wanted`, and the squares of what is left `[n]`."""
        value, slope = self._look_up(found)
        error = np.square(value - wanted).sum(1)
        damping = np.full(len(wanted), 1e-4)
        for _ in range(_STEPS):
            square = slope.transpose(0, 2, 1) @ slope
            scale = damping[:, None, None] * (np.trace(square, axis1=1, axis2=2)[:, None, None] + 1e-6)
            toward = np.einsum("nij,ni->nj", slope, wanted - value)
            step = np.linalg.solve(square + scale * np.eye(3), toward[..., None])[..., 0]
            candidate = (found + step).clip(self.low, self.high)
            new_value, new_slope = self._look_up(candidate)
            new_error = np.square(new_value - wanted).sum(1)
            better = new_error < error
            found[better], value[better], slope[better] = candidate[better], new_value[better], new_slope[better]
            error[better] = new_error[better]
            damping = np.where(better, damping / 10, damping * 10)
        return found, error

    def _look_up(self, colors: Colors) -> tuple[Colors, Colors]:
        """Of colours `[n,3]` the values `[n,3]` and their slopes `[n,3,3]`: value's channel by colour's channel."""
        sides = len(self.table) - 1
        scale = sides / (self.high - self.low)
        place = ((colors - self.low) * scale).clip(0, sides)
        first = np.minimum(place.astype(np.intp), sides - 1)
        share = place - first
        value, slope = np.zeros_like(colors), np.zeros((len(colors), 3, 3))
        for corner in np.ndindex(2, 2, 2):
            entry = self.table[tuple((first + corner).T)]
            weights = np.where(corner, share, 1 - share)
            value += weights.prod(1)[:, None] * entry
            for i in range(3):
                others = weights[:, [j for j in range(3) if j != i]].prod(1)
                slope[:, :, i] += ((2 * corner[i] - 1) * others * scale[i])[:, None] * entry
        return value, slope

    def _near(self, wanted: Colors, rank: int) -> Colors:
        """Of a grid of inputs `[n,3]` the one whose value is nearest to each of `wanted`, or the next by `rank`."""
        axes = [np.linspace(self.low[i], self.high[i], _GRID) for i in range(3)]
        grid = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
        values = self._look_up(grid)[0]
        size = np.square(values).sum(1)
        parts = [wanted[i : i + 2048] for i in range(0, len(wanted), 2048)]
        places = [np.argpartition(size - 2 * part @ values.T, rank)[:, rank] for part in parts]
        return grid[np.concatenate(places)] if parts else wanted


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
