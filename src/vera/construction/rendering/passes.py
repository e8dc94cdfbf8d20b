"""From rendered passes to layers: display colours, shadow, reflection, and the edit and alpha that give the picture."""

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.arrays import Float


def develop(linear: Float, middle: float) -> Float:
    """Linear radiance to display values in [0,1]: `middle` becomes a middle grey, Reinhard's curve, gamma 2.2."""
    exposed = np.maximum(linear, 0) * np.float32(0.4 / middle)
    return np.asarray(np.clip(exposed / (1 + np.float32(0.5) * exposed), 0, 1) ** np.float32(1 / 2.2), np.float32)


def denoise(full: Float, plate: Float, coverage: Float) -> tuple[Float, Float]:
    """Both pictures `[H,W,3]` without the renderer's grain: what the object changes around it is smoothed by itself.

    So the two stay equal where the object changes nothing.
    """
    smooth_plate = _smooth(plate)
    around = smooth_plate + cv2.GaussianBlur(cv2.medianBlur(full - plate, 5), (0, 0), 0.8)
    # The object keeps its detail; its neighbours' difference must not take colour from it.
    inside = cv2.dilate(coverage, np.ones((5, 5), np.uint8))[..., None]
    smooth_full = np.where(inside > 0, cv2.bilateralFilter(full, 5, 0.08, 1.2), around)
    near = (inside > 0) & (coverage[..., None] == 0)
    smooth_full = np.where(near, smooth_plate + cv2.medianBlur(full - plate, 3), smooth_full)
    return np.asarray(smooth_full.clip(0, 1), np.float32), smooth_plate


def _smooth(picture: Float) -> Float:
    """Specks taken out, then non-local means."""
    calm = cv2.medianBlur(picture, 3)
    speck = np.abs(picture - calm).max(-1, keepdims=True) > 0.08
    bytes_ = np.rint(np.where(speck, calm, picture) * 255).astype(np.uint8)
    smooth = cv2.fastNlMeansDenoisingColored(bytes_, None, 4, 6, 5, 13)
    return np.asarray(smooth / np.float32(255), np.float32)


def solve_layers(full: Float, plate: Float, coverage: Float, slack: float = 1.6) -> tuple[Float, Float]:
    """The edit and alpha that lay `full` over `plate`, with everything that the object does to its surroundings.

    Alpha is at least the object's `coverage`, and at least what keeps `(full - (1 - alpha) * plate) / alpha` a colour:
    shadow needs `1 - full/plate`, light `(full - plate) / (1 - plate)`. `slack` times as much keeps the colours of
    faint effects from being black or white only. Where alpha is 0 the edit is 0.

    Args:
        full, plate: `[H,W,3]` in [0,1], with and without the object.
        coverage: `[H,W]` in [0,1].

    Returns:
        edit `[H,W,3]` (straight) and alpha `[H,W]`, in [0,1].
    """
    darker = 1 - full / np.maximum(plate, 1e-4)
    brighter = (full - plate) / np.maximum(1 - plate, 1e-4)
    effect = np.maximum(darker, brighter).max(-1)
    # One step of eight bits is noise; from there on an effect fades in.
    step = np.abs(full - plate).max(-1) * 255
    effect = np.clip(slack * effect, 0, 1) * np.clip(step - 1, 0, 1)
    alpha = np.maximum(coverage, effect)
    edit = (full - (1 - alpha[..., None]) * plate) / np.maximum(alpha, 1e-4)[..., None]
    return np.asarray(np.where(alpha[..., None] > 0, edit.clip(0, 1), 0), np.float32), np.asarray(alpha, np.float32)


def shadow_of(full: Float, plate: Float, coverage: Float) -> Float:
    """The share of light that the object keeps from the ground, `[H,W]` in [0,1], from linear radiances.

    Under the object, where the ground is not seen, it is 0.
    """
    seen, without = full.sum(-1), plate.sum(-1)
    return np.asarray(np.clip(1 - seen / np.maximum(without, 1e-6), 0, 1) * (coverage < 0.5), np.float32)


def identity_error(full: Float, plate: Float, edit: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> Float:
    """`|alpha * edit + (1 - alpha) * plate - full|` of the 8-bit layers: `[H,W]`, the largest channel."""
    matte = alpha[..., None] / np.float32(255)
    return np.asarray(np.abs(matte * (edit / np.float32(255)) + (1 - matte) * plate - full).max(-1), np.float32)
