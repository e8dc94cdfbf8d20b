"""How much an object darkens what lies below it."""

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.metrics.inputs import check_fits, check_frames
from vera.metrics.objects import SOLID, Alpha, bounding_box, main_component

# Part of the measure's definition: chosen for objects that stand on the ground, not measured.
ABOVE, BELOW, ASIDE = 0.15, 0.2, 0.2  # of the object's height (the first two) and width: the band around its foot
EDGE = 2  # pixels around solid coverage that hold the object's own soft outline


def darkening(source: NDArray[np.uint8], result: NDArray[np.uint8], alpha: Alpha) -> float | None:
    """By which share of its light the ground at the object's foot got darker; the mean over frames.

    The ground is a band around the lower edge of the matte's main component, without the object and its outline.
    Negative where it got lighter. None if no frame shows an object with ground beneath it.
    """
    check_frames(result, source)
    check_fits(alpha, source)
    drops = []
    for before, after, frame in zip(source, result, alpha, strict=True):
        main = main_component(frame)
        if not main.any():
            continue
        left, top, right, bottom = bounding_box(main)
        height, width = bottom - top, right - left
        band = np.zeros(main.shape, bool)
        rows = slice(round(bottom - ABOVE * height), round(bottom + BELOW * height))
        band[rows, max(round(left - ASIDE * width), 0) : round(right + ASIDE * width)] = True
        object_ = cv2.dilate((frame > SOLID).astype(np.uint8), np.ones((2 * EDGE + 1, 2 * EDGE + 1), np.uint8))
        band &= object_ == 0
        light = float(before[band].sum(dtype=np.float64))
        if light:
            drops.append(1 - float(after[band].sum(dtype=np.float64)) / light)
    return float(np.mean(drops)) if drops else None
