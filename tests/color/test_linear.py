"""Linear light: against the curves that the standards give the other way, and the formula against the function."""

import math
import re
import tkinter
from collections.abc import Callable

import numpy as np
import pytest

from vera.color.linear import transfer


def oetf_709(light: float) -> float:
    return 4.5 * light if light < 0.018 else 1.099 * light**0.45 - 0.099


def oetf_srgb(light: float) -> float:
    return 12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055


def oetf_hlg(light: float) -> float:  # BT.2100, table 5
    a, b = 0.17883277, 1 - 4 * 0.17883277
    return math.sqrt(3 * light) if light <= 1 / 12 else a * math.log(12 * light - b) + 0.5 - a * math.log(4 * a)


def inverse_eotf_pq(light: float) -> float:  # ST 2084; 1 is 100 cd/m2
    y = (light / 100) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * y) / (1 + 18.6875 * y)) ** 78.84375


@pytest.mark.parametrize(
    ("number", "encode", "tolerance"),
    [
        (1, oetf_709, 2e-4),  # the standard's two pieces meet to three digits
        (2, oetf_709, 2e-4),
        (14, oetf_709, 2e-4),
        (13, oetf_srgb, 1e-5),
        (18, oetf_hlg, 1e-6),
        (16, inverse_eotf_pq, 1e-4),
        (4, lambda light: light ** (1 / 2.2), 1e-6),
        (8, lambda light: light, 0),
    ],
)
def test_decoding_undoes_the_standards_encoding(
    number: int, encode: Callable[[float], float], tolerance: float
) -> None:
    curve = transfer(number)
    assert curve is not None
    light = np.linspace(0, 1, 1001)
    encoded = np.array([encode(value) for value in light])
    assert np.allclose(curve.to_linear(encoded), light, atol=tolerance)


@pytest.mark.parametrize("number", [1, 4, 5, 8, 13, 16, 18])
def test_the_formula_says_the_same(number: int) -> None:
    curve = transfer(number)
    assert curve is not None
    tcl, formula = tkinter.Tcl(), re.sub(r"\bx\b", "$x", curve.formula)
    for value in np.linspace(0, 1, 33):
        tcl.setvar("x", float(value))
        result = float(tcl.eval(f"expr {{{formula}}}"))
        assert result == pytest.approx(float(curve.to_linear(np.array(value))), rel=1e-6, abs=1e-9)


def test_a_cameras_log_is_not_guessed() -> None:
    assert transfer(9) is None
