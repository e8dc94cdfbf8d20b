"""Transfer functions and the HDR tone curve, each with its inverse: R'G'B' codes to light and back.

R'G'B' `[...,3]` float, 0 to 1. Light is cd/m2 on a display: SDR white is 100 (BT.1886), PQ up to 10,000, HLG 1,000.
"""

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from vera.color.primaries import Colors
from vera.color.tags import SRGB

# FFmpeg's AVColorTransferCharacteristic (that of ITU-T H.273).
GAMMA_22, GAMMA_28, LINEAR, PQ, HLG = 4, 5, 8, 16, 18
PQ_NUMBERS = (2610 / 16384, 2523 / 32, 107 / 128, 2413 / 128, 2392 / 128)  # m1, m2, c1, c2, c3 of SMPTE ST 2084
SDR_WHITE, HLG_WHITE, PQ_PEAK = 100.0, 1000.0, 10000.0
_HLG_GAMMA = 1.2

Floats = TypeVar("Floats", np.float32, np.float64)

# Report ITU-R BT.2446-1, method C, at the conditions of its table: 80 % of SDR is the knee, HLG 75 % becomes 96 %.
_K1, _K2, _K3, _KNEE = 0.83802, 15.09968, 0.74204, SDR_WHITE * 0.8**2.4
_K4 = _KNEE - _K2 * np.log(1 - _K3)  # the published 78.99439, to all digits, so that both pieces meet


def is_bt1886(transfer: int) -> bool:
    """Whether footage of this transfer is shown by BT.1886: all of SDR television, and what says nothing."""
    return transfer not in (PQ, HLG, *_SDR)


def decode(codes: Colors, transfer: int, luminance: Colors) -> Colors:
    """R'G'B' to the light a display makes of it; `luminance` are the weights of R, G and B in Y.

    SDR by BT.1886 with black 0, or by the tagged gamma; PQ by SMPTE ST 2084; HLG by BT.2100 at 1,000 cd/m2.
    """
    if transfer == PQ:
        return PQ_PEAK * _pq_decode(codes)
    if transfer == HLG:
        scene = hlg_scene_light(codes)
        return HLG_WHITE * scene * _power(scene @ luminance, _HLG_GAMMA - 1)[..., None]
    return SDR_WHITE * _SDR.get(transfer, _BT1886)[0](codes)


def encode(light: Colors, transfer: int, luminance: Colors) -> Colors:
    """Inverse of `decode`; light that the transfer cannot code becomes its nearest code, 0 or 1."""
    if transfer == PQ:
        return _pq_encode((light / PQ_PEAK).clip(0, 1))
    if transfer == HLG:
        display = (light / HLG_WHITE).clip(0)
        return _hlg_encode(display * _power(display @ luminance, 1 / _HLG_GAMMA - 1)[..., None]).clip(0, 1)
    return _SDR.get(transfer, _BT1886)[1]((light / SDR_WHITE).clip(0, 1))


def tone_map(luminance: Colors) -> Colors:
    """HDR luminance to SDR luminance, cd/m2: linear to the knee, logarithmic above; 203 becomes 91, 332 becomes 100."""
    above = _K2 * np.log(np.maximum(luminance * _K1 / _KNEE, 1) - _K3) + _K4
    return np.where(luminance * _K1 < _KNEE, luminance * _K1, above)


def tone_unmap(luminance: Colors) -> Colors:
    """Inverse of `tone_map`."""
    above = _KNEE / _K1 * (np.exp((np.maximum(luminance, _KNEE) - _K4) / _K2) + _K3)
    return np.where(luminance < _KNEE, luminance / _K1, above)


def _power(base: Colors, exponent: float) -> Colors:
    return np.power(base, exponent, out=np.zeros_like(base), where=base > 0)


def _gamma(exponent: float) -> tuple[Callable[[Colors], Colors], Callable[[Colors], Colors]]:
    return lambda codes: codes.clip(0) ** exponent, lambda light: light ** (1 / exponent)


def _pq_decode(codes: Colors) -> Colors:
    m1, m2, c1, c2, c3 = PQ_NUMBERS
    root = codes.clip(0, 1) ** (1 / m2)
    bright: Colors = (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)
    return bright


def _pq_encode(light: Colors) -> Colors:
    m1, m2, c1, c2, c3 = PQ_NUMBERS
    root = light**m1
    codes: Colors = ((c1 + c2 * root) / (1 + c3 * root)) ** m2
    return codes


HLG_A = 0.17883277  # of BT.2100, table 5, as are b and c
HLG_B, HLG_C = 1 - 4 * HLG_A, 0.5 - HLG_A * np.log(4 * HLG_A)


def hlg_scene_light(codes: Colors) -> Colors:
    """The light that a camera coded as HLG, 0 to 1 (BT.2100, table 5)."""
    codes = codes.clip(0, 1)
    return np.where(codes <= 0.5, codes**2 / 3, (np.exp((codes - HLG_C) / HLG_A) + HLG_B) / 12)


def _hlg_encode(scene: Colors) -> Colors:
    above = HLG_A * np.log(np.maximum(12 * scene, 1) - HLG_B) + HLG_C
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), above)


def srgb_encode(light: NDArray[Floats]) -> NDArray[Floats]:
    """Linear light, 1 for white, to R'G'B' by the curve of IEC 61966-2-1; not clipped, and straight below 0."""
    above = np.maximum(light, light.dtype.type(0.0031308))
    codes: NDArray[Floats] = np.where(light <= 0.0031308, light * 12.92, 1.055 * above ** (1 / 2.4) - 0.055)
    return codes


def srgb_decode(codes: NDArray[Floats]) -> NDArray[Floats]:
    """Inverse of `srgb_encode`."""
    above = np.maximum(codes, codes.dtype.type(0.04045))
    light: NDArray[Floats] = np.where(codes <= 0.04045, codes / 12.92, ((above + 0.055) / 1.055) ** 2.4)
    return light


_BT1886 = _gamma(2.4)
_SDR: dict[int, tuple[Callable[[Colors], Colors], Callable[[Colors], Colors]]] = {
    **{GAMMA_22: _gamma(2.2), GAMMA_28: _gamma(2.8), LINEAR: _gamma(1)},
    SRGB: (srgb_decode, srgb_encode),
}
