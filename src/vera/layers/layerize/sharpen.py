"""Edges as steep as they were before an editor blurred them."""

import math

import cv2
import numpy as np

from vera.arrays import Float

# A step blurred by sigma rises by 0.4/sigma a pixel; edges of drawn and of filmed things by about 0.57.
BLURRED, SHARP = 0.4, 0.57
# Chosen, not searched for: soft edges must stay soft, so what is in doubt is not steepened.
# `python -m benchmarks.sensitivity layerize --only sharpen` prints what half and double of each are worth.
STEEP = (0.35, 0.6)  # slope, of that of a blurred step: below an edge is soft by itself, above it is the editor's blur
MIDDLE = 0.58  # alpha that becomes a half: in doubt an edge is the source's
REACH = 3.0  # sigmas to each side of an edge


def sharpen_edges(alpha: Float, softness: float) -> Float:
    """Alpha `[H,W]` in [0,1] without the blur of `softness` pixels at edges that are hard but for it.

    Such an edge is known to about its blur, and an editor that draws several frames at once displaces what moves by as
    much: that strip is left to the source.
    """
    gain = SHARP * softness / BLURRED
    if gain <= 1:
        return alpha
    right, down = (cv2.Sobel(alpha, cv2.CV_32F, *order, scale=1 / 8) for order in ((1, 0), (0, 1)))
    slope = np.hypot(right, down) * np.float32(softness / BLURRED)
    reach = 2 * round(REACH * softness) + 1
    slope = cv2.dilate(slope, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach)))
    low, high = STEEP
    weight = ((slope - np.float32(low)) / np.float32(high - low)).clip(0, 1)
    side = 2 * math.ceil(softness) + 1
    sure = cv2.erode(alpha, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
    steep = ((sure - np.float32(MIDDLE)) * np.float32(gain) + np.float32(0.5)).clip(0, 1)
    return np.asarray(alpha + weight * (steep - alpha), np.float32)
