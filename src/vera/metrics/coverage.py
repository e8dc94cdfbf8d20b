"""How much a matte covers, and how much of that lies apart from its main component."""

import cv2
import numpy as np

from vera.metrics.inputs import check_matte
from vera.metrics.objects import SOLID, Alpha, main_component

# Part of the measures' definition: chosen, not measured. In 16:9 the least is a disc 8 % of the height wide.
SANE = (0.003, 0.6)  # of the frame
NEAR = 0.15  # of the frame's height: as far as a shadow may lie from what casts it


def coverage(alpha: Alpha) -> float:
    """Share of the clip's pixels that are solid."""
    check_matte(alpha)
    return float((alpha > SOLID).mean())


def sane_share(alpha: Alpha) -> float:
    """Share of the frames of which an object covers neither next to nothing nor nearly all."""
    check_matte(alpha)
    shares = (alpha > SOLID).mean(axis=(1, 2))
    return float(((shares >= SANE[0]) & (shares <= SANE[1])).mean())


def leakage(alpha: Alpha) -> float | None:
    """Share of the matte's mass that lies farther than `NEAR` from its main component; the mean over frames.

    Frames without a main component do not count; None if there are no others.
    """
    check_matte(alpha)
    radius = round(NEAR * alpha.shape[1])
    shares = []
    for frame in alpha:
        main = main_component(frame)
        if main.any():
            # The distance of every pixel to the nearest of the component, which is where its complement is zero.
            away = cv2.distanceTransform((~main).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) > radius
            shares.append(float(frame[away].sum(dtype=np.float64) / frame.sum(dtype=np.float64)))
    return float(np.mean(shares)) if shares else None
