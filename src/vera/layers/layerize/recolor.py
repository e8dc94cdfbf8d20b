"""Things of other colours: what a recolouring would make of the source tells where it ends.

Dark and grey parts of a recoloured thing hardly change, so that the difference alone does not show them. But once the
bright parts have told which colours become which, it is known what to look for: a window is recoloured if it is closer
to what the same map of colours would make of it than to the source (a matched filter).
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.arrays import Float
from vera.layers.layerize.difference import LARGE_HOLE, POSSIBLE
from vera.layers.layerize.transmission import texture_scale

Mask = NDArray[np.bool_]

# Of the texture of recoloured things the source's explains 0.78 to 0.92, of others that are solid at most 0.04.
# Above CLOSER the mattes of `python -m benchmarks.layerize_editors recolour` lose their dark parts (at 0.7 a half more
# error), below it they take in what is beside them (at 0.5 up to 2 dB less). The other values are chosen, not searched
# for: by `python -m benchmarks.sensitivity replaced --only recolor` twice EXPLAINED, SOLID or MOSTLY finds nothing,
# with 40 % more error of the mattes, and the rest changes nothing.
EXPLAINED = 0.5  # part of the edited picture's texture
SOLID = 0.95  # alpha from which what keeps the texture is no layer over it
MOSTLY = 0.5  # share of a part that must be solid: smoke has a few places that seem so
FEWEST = 300  # pixels of a part that tell a map of colours
RIM = 7  # pixels across which the edge of a part is a mixture
WINDOW = 4.0  # sigma in pixels
VISIBLE = 0.5  # change of colour, in noise, from which a window tells: its average has a third of a pixel's noise
CLOSER = 0.6  # part of the way from the source to its other colours: in doubt it is the source


def find_recolored(source: Float, edited: Float, inside: Mask, alpha: Float, level: Float, softness: float) -> Mask:
    """`[H,W]`, the solid parts of `inside` that have the source's texture in other colours, with what is connected and
    what the same map of colours explains.

    Of matched pictures `[H,W,3]` in [0,1], what has changed, alpha and the noise level `[H,W]`; `softness` is the
    editor's blur in pixels.
    """
    found = np.zeros_like(inside)
    inner = cv2.erode(inside.view(np.uint8), np.ones((RIM, RIM), np.uint8)) > 0
    sure = inner & (alpha >= SOLID)
    count, labels = cv2.connectedComponents(inside.view(np.uint8), connectivity=8)
    solid, whole = (np.bincount(labels[mask], minlength=count) for mask in (sure, inner))
    for part in np.flatnonzero((solid >= FEWEST) & (solid > MOSTLY * whole)):
        thing = labels == part
        if _keeps_texture(source, edited, thing & sure, texture_scale(softness)):
            expected = _recolored(source, edited, thing & sure, level) - source
            found |= _extent(edited - source, expected, thing, level)
    return found


def _keeps_texture(source: Float, edited: Float, sure: Mask, scale: float) -> bool:
    """Whether the channels of the source, mixed, make the texture of the edited picture."""
    x, y, width, height = cv2.boundingRect(sure.view(np.uint8))
    box = slice(y, y + height), slice(x, x + width)
    one, other = (_texture(picture[box], scale)[sure[box]] for picture in (source, edited))
    rest = other - one @ _mix(one, other)
    return float(np.square(rest).sum()) < (1 - EXPLAINED) * float(np.square(other).sum())


def _texture(picture: Float, scale: float) -> Float:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), scale) - cv2.GaussianBlur(picture, (0, 0), 4 * scale))


def _recolored(source: Float, edited: Float, sure: Mask, level: Float) -> Float:
    """The source in the colours that the thing has where it is sure."""
    weight = 1 / level[sure][:, None]
    one, other = (np.asarray(picture[sure] * weight, np.float32) for picture in (source, edited))
    return np.asarray((source @ _mix(one, other)).clip(0, 1), np.float32)


def _mix(one: Float, other: Float) -> Float:
    """`[3,3]` by which pixels `[N,3]` come closest to others; black stays black."""
    power = (one.T @ one).astype(np.float64) + 1e-6 * len(one) * np.eye(3)
    return np.asarray(np.linalg.solve(power, (one.T @ other).astype(np.float64)), np.float32)


def _extent(change: Float, expected: Float, thing: Mask, level: Float) -> Mask:
    """The thing, what is connected with it and changed as `expected` `[H,W,3]`, and holes where nothing would be seen
    of such a change."""
    shared, power = (cv2.GaussianBlur((expected * part).sum(-1), (0, 0), WINDOW) for part in (change, expected))
    alike = thing | ((shared > CLOSER * power) & (power > 3 * np.square(VISIBLE * level)))
    # A window tells nothing thinner than itself.
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * round(WINDOW) + 1,) * 2)
    alike = thing | (cv2.morphologyEx(alike.view(np.uint8), cv2.MORPH_OPEN, kernel) > 0)
    count, labels = cv2.connectedComponents(alike.view(np.uint8), connectivity=4)
    touching = np.bincount(labels[thing], minlength=count) > 0
    touching[0] = False
    found = touching[labels]
    count, labels, stats, _ = cv2.connectedComponentsWithStats((~found).view(np.uint8), connectivity=4)
    area = stats[:, cv2.CC_STAT_AREA]
    seen = np.bincount(labels.ravel(), (power / (3 * level * level)).ravel(), minlength=count) / np.maximum(area, 1)
    hole = (area < LARGE_HOLE * found.size) & (seen < POSSIBLE**2)
    hole[0] = False
    return np.asarray(found | hole[labels])
