"""Rims of what an editor removed: the source's own edge about a matte, where the edited picture has none."""

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.arrays import Float
from vera.layers.layerize.structure import edges
from vera.layers.layerize.unmix import Layers, grown

Mask = NDArray[np.bool_]

# `python -m benchmarks.layerize_editors` prints what these give: its removals, and that others stay as they are. By
# `python -m benchmarks.sensitivity replaced --only rims` values that miss a rim (half or twice SOLID or REACH, half of
# NONE, twice LEFT) preserve up to 1.4 dB more, and leave an outline; half of LEFT preserves 0.5 dB less.
SOLID = 0.95  # alpha of what may have been removed
LEAST = 100  # pixels of it; what is less is a speck
REACH = 4  # pixels about it that its rim lies in
# Of the source's edges about something: where the edited picture has less of them, it was removed.
# Removals have 0.13 to 0.2 of them, large other things at least 0.74.
NONE = 0.5
# Pixels to each side of a place of a rim that tell of it alone, and what NONE is for so few: with NONE itself, and no
# look at whole parts, `python -m benchmarks.layerize_editors flat recolour` loses up to 0.5 dB.
ALONG, HARDLY = 12, 0.25
LEFT = 4.0  # difference, in noise, of the source from the edited picture there


def find_rims(source: Float, edited: Float, layers: Layers, level: Float) -> Mask:
    """Where the source `[H,W,3]`, as sharp as it is, shows something that the edit removes, with its rim: `[H,W]`.

    Edges that are sharpened as those of added things are would end within the rim, and leave it as an outline.
    """
    found = np.zeros(level.shape, bool)
    solid = (layers.alpha > SOLID).view(np.uint8)
    if not solid.any():
        return found
    both = edges(source), edges(edited)
    left = np.sqrt(np.square(source - edited).mean(-1)) > LEFT * level
    _, labels, parts, _ = cv2.connectedComponentsWithStats(solid)
    for number in np.flatnonzero(parts[1:, cv2.CC_STAT_AREA] >= LEAST) + 1:
        part = labels == number
        wider = grown(part, REACH)
        about = wider & ~part
        before, after = (one * about for one in both)
        if after.sum() < NONE * before.sum():
            found |= wider & left
            continue
        # What was removed may be connected with something that was added: a stretch of the rim tells of itself.
        near = [cv2.boxFilter(one, -1, (2 * ALONG + 1,) * 2) for one in (before, after)]
        found |= wider & left & (near[1] < HARDLY * near[0])
    return found
