"""Code values and light: transfer functions, primaries and the tone curve, each with its inverse.

R'G'B' `[...,3]` float, 0 to 1. Light is cd/m2 on a display: SDR white is 100 (BT.1886), PQ up to 10,000, HLG 1,000.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from vera.video.colour import D65, PRIMARIES, SRGB, srgb_decode, srgb_encode

Colors = NDArray[np.float64]

# FFmpeg's AVColorTransferCharacteristic and AVColorPrimaries (those of ITU-T H.273).
GAMMA_22, GAMMA_28, LINEAR, PQ, HLG = 4, 5, 8, 16, 18
BT709 = 1
SDR_WHITE, HLG_WHITE, PQ_PEAK = 100.0, 1000.0, 10000.0
_HLG_GAMMA = 1.2

# Report ITU-R BT.2446-1, method C, at the conditions of its table: 80 % of SDR is the knee, HLG 75 % becomes 96 %.
_K1, _K2, _K3, _KNEE = 0.83802, 15.09968, 0.74204, SDR_WHITE * 0.8**2.4
_K4 = _KNEE - _K2 * np.log(1 - _K3)  # the published 78.99439, to all digits, so that both pieces meet


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
    return PRIMARIES.get(one, PRIMARIES[BT709]) == PRIMARIES.get(other, PRIMARIES[BT709])


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
    root = codes.clip(0, 1) ** (32 / 2523)
    bright: Colors = (np.maximum(root - 107 / 128, 0) / (2413 / 128 - 2392 / 128 * root)) ** (16384 / 2610)
    return bright


def _pq_encode(light: Colors) -> Colors:
    root = light ** (2610 / 16384)
    codes: Colors = ((107 / 128 + 2413 / 128 * root) / (1 + 2392 / 128 * root)) ** (2523 / 32)
    return codes


_A = 0.17883277
_B, _C = 1 - 4 * _A, 0.5 - _A * np.log(4 * _A)


def hlg_scene_light(codes: Colors) -> Colors:
    """The light that a camera coded as HLG, 0 to 1 (BT.2100, table 5)."""
    codes = codes.clip(0, 1)
    return np.where(codes <= 0.5, codes**2 / 3, (np.exp((codes - _C) / _A) + _B) / 12)


def _hlg_encode(scene: Colors) -> Colors:
    above = _A * np.log(np.maximum(12 * scene, 1) - _B) + _C
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), above)


_BT1886 = _gamma(2.4)
_SDR: dict[int, tuple[Callable[[Colors], Colors], Callable[[Colors], Colors]]] = {
    **{GAMMA_22: _gamma(2.2), GAMMA_28: _gamma(2.8), LINEAR: _gamma(1)},
    SRGB: (srgb_decode, srgb_encode),
}
