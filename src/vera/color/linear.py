"""From encoded R'G'B' to linear light, by the transfer that the footage names (ITU-T H.273, table 3)."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vera.color.primaries import Colors
from vera.color.tags import SRGB
from vera.color.transfer import (
    GAMMA_22,
    GAMMA_28,
    HLG,
    HLG_A,
    HLG_B,
    HLG_C,
    LINEAR,
    PQ,
    PQ_NUMBERS,
    SDR_WHITE,
    decode,
    hlg_scene_light,
)


@dataclass(frozen=True)
class Transfer:
    """A way back to linear light: its name, the function, and the same as a formula in `x` (C and Tcl syntax)."""

    name: str
    to_linear: Callable[[Colors], Colors]
    formula: str


def transfer(trc: int) -> Transfer | None:
    """The transfer of an FFmpeg `color_trc` number; untagged footage is taken for BT.709's, as players do.

    None for a camera's log and what else is not listed here.
    """
    return _TRANSFERS.get(_SAME.get(trc, trc))


def _bt709(x: Colors) -> Colors:
    """The camera's curve turned round, which makes scene light; a display's (BT.1886) would make what viewers see."""
    return np.where(x < 0.081, x / 4.5, ((np.maximum(x, 0.081) + 0.099) / 1.099) ** (1 / 0.45))


def _displayed(trc: int) -> Callable[[Colors], Colors]:
    """Light of a display whose SDR white is 1; of transfers that are defined by what a display makes of them."""
    return lambda x: decode(x, trc, np.zeros(3)) / SDR_WHITE


def _power(trc: int, gamma: float) -> Transfer:
    return Transfer(f"gamma {gamma}", _displayed(trc), f"pow(x,{gamma})")


_TRANSFERS = {
    1: Transfer("BT.709", _bt709, "x < 0.081 ? x/4.5 : pow((x+0.099)/1.099,1/0.45)"),
    GAMMA_22: _power(GAMMA_22, 2.2),
    GAMMA_28: _power(GAMMA_28, 2.8),
    LINEAR: Transfer("linear", _displayed(LINEAR), "x"),
    SRGB: Transfer("sRGB", _displayed(SRGB), "x <= 0.04045 ? x/12.92 : pow((x+0.055)/1.055,2.4)"),
    PQ: Transfer(
        "PQ, 1 is 100 cd/m2",
        _displayed(PQ),
        "100*pow(max(pow(x,1/{1})-{2},0)/({3}-{4}*pow(x,1/{1})),1/{0})".format(*PQ_NUMBERS),
    ),
    HLG: Transfer(
        "HLG, scene light", hlg_scene_light, f"x <= 0.5 ? x*x/3 : (exp((x-{HLG_C:.8f})/{HLG_A})+{HLG_B:.8f})/12"
    ),
}
# 601 and 2020 (10 and 12 bit) have the curve of 709, and so has, for players, what says nothing.
_SAME = {0: 1, 2: 1, 6: 1, 14: 1, 15: 1}
