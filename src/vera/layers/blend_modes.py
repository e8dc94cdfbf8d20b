"""Blend modes: the colour that an edit makes of what lies below it (W3C, Compositing and Blending Level 1)."""

from collections.abc import Callable, Mapping

import numpy as np

from vera.arrays import Float


def blend_colors(mode: str, below: Float, edit: Float) -> Float:
    """The colours to lay instead of `edit`, both `[...,3]` R'G'B' in [0,1] of the source's own space."""
    return np.asarray(BLEND_MODES[mode](below, edit).clip(0, 1), np.float32)


def _hard_light(below: Float, edit: Float) -> Float:
    return np.where(edit <= 0.5, 2 * below * edit, 1 - 2 * (1 - below) * (1 - edit))


def _soft_light(below: Float, edit: Float) -> Float:
    root = np.where(below <= 0.25, ((16 * below - 12) * below + 4) * below, np.sqrt(below))
    return np.where(edit <= 0.5, below - (1 - 2 * edit) * below * (1 - below), below + (2 * edit - 1) * (root - below))


BLEND_MODES: Mapping[str, Callable[[Float, Float], Float]] = {
    "normal": lambda below, edit: edit,
    "multiply": lambda below, edit: below * edit,
    "screen": lambda below, edit: below + edit - below * edit,
    "overlay": lambda below, edit: _hard_light(edit, below),
    "hard-light": _hard_light,
    "soft-light": _soft_light,
    "darken": np.minimum,
    "lighten": np.maximum,
    "difference": lambda below, edit: np.abs(below - edit),
    "add": lambda below, edit: below + edit,
    "subtract": lambda below, edit: below - edit,
}
