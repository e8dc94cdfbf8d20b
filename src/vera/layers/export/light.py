"""From encoded R'G'B' to linear light, by the transfer that the footage names (ITU-T H.273, table 3)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]

_PQ = (2610 / 16384, 2523 / 4096 * 128, 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32)  # m1, m2, c1, c2, c3
_HLG = (0.17883277, 0.28466892, 0.55991073)  # a, b, c


@dataclass(frozen=True)
class Transfer:
    """A way back to linear light: its name, the function, and the same as a formula in `x` (C and Tcl syntax)."""

    name: str
    to_linear: Callable[[Float], Any]
    formula: str


def transfer(trc: int) -> Transfer | None:
    """The transfer of an FFmpeg `color_trc` number; untagged footage is taken for BT.709's, as players do.

    None for a camera's log and what else is not listed here.
    """
    return _TRANSFERS.get(_SAME.get(trc, trc))


def _bt709(x: Float) -> Any:
    return np.where(x < 0.081, x / 4.5, ((np.maximum(x, 0.081) + 0.099) / 1.099) ** (1 / 0.45))


def _srgb(x: Float) -> Any:
    return np.where(x <= 0.04045, x / 12.92, ((np.maximum(x, 0.04045) + 0.055) / 1.055) ** 2.4)


def _pq(x: Float) -> Any:
    """1 is 100 cd/m2, as in colour pipelines; the top is 100."""
    m1, m2, c1, c2, c3 = _PQ
    root = x.astype(np.float64) ** (1 / m2)
    return 100 * (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)


def _hlg(x: Float) -> Any:
    """Scene light, 0 to 1, without the display's gamma."""
    a, b, c = _HLG
    return np.where(x <= 0.5, x * x / 3, (np.exp((x - c) / a) + b) / 12)


def _power(gamma: float) -> Transfer:
    return Transfer(f"gamma {gamma}", lambda x: x**gamma, f"pow(x,{gamma})")


_TRANSFERS = {
    1: Transfer("BT.709", _bt709, "x < 0.081 ? x/4.5 : pow((x+0.099)/1.099,1/0.45)"),
    4: _power(2.2),
    5: _power(2.8),
    8: Transfer("linear", lambda x: x, "x"),
    13: Transfer("sRGB", _srgb, "x <= 0.04045 ? x/12.92 : pow((x+0.055)/1.055,2.4)"),
    16: Transfer(
        "PQ (1 is 100 cd/m2)",
        _pq,
        "100*pow(max(pow(x,1/{1})-{2},0)/({3}-{4}*pow(x,1/{1})),1/{0})".format(*_PQ),
    ),
    18: Transfer("HLG (scene light)", _hlg, "x <= 0.5 ? x*x/3 : (exp((x-{2})/{0})+{1})/12".format(*_HLG)),
}
# 601 and 2020 (10 and 12 bit) have the curve of 709, and so has, for players, what says nothing.
_SAME = {0: 1, 2: 1, 6: 1, 14: 1, 15: 1}
