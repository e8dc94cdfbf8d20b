"""A matting network's view of solid things that are roughly found: what lets `layerize` keep hair and fine edges."""

import math
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.arrays import Float
from vera.layers.layer_frame import to_codes


class Matting(Protocol):
    """A network, by the name under which manifests record it."""

    @property
    def name(self) -> str:
        """Say which network it is."""

    def __call__(self, picture: NDArray[np.uint8], trimap: NDArray[np.uint8], /) -> Float:
        """Return alpha `[h,w]`, float32 in [0,1], of RGB `[h,w,3]` and a trimap `[h,w]`, both uint8.

        The trimap has 0 where there is nothing of the thing, 255 where there is nothing else, and 128 where it is
        unknown.
        """


# Chosen, not measured: published weights could not be had where this was written.
SOLID = 0.95  # alpha from which the inside of a thing is certain
REACH = 1 / 40  # part of the frame's longer side about what is certain that is left to the network
LARGEST = 1280  # pixels of the longer side that the network is shown: what attention over all of them can hold
MARGIN = 32  # pixels of context about the unknown


def solid_matte(matting: Matting, picture: Float, alpha: Float) -> Float | None:
    """Find alpha `[H,W]` of the solid things of a picture `[H,W,3]` in [0,1]; `alpha` `[H,W]` is a first guess.

    0 farther from the certain inside of a thing than hair reaches, so shadows and smoke stay the guess's own. None
    where nothing is certain.
    """
    reach = max(3, round(REACH * max(alpha.shape)))
    trimap = _trimap(alpha, reach)
    x, y, width, height = cv2.boundingRect(trimap)
    if not width:
        return None
    box = slice(max(0, y - MARGIN), y + height + MARGIN), slice(max(0, x - MARGIN), x + width + MARGIN)
    found = np.zeros(alpha.shape, np.float32)
    found[box] = _shown(matting, to_codes(np.ascontiguousarray(picture[box]), np.uint8), trimap[box])
    return np.where(trimap == 0, np.float32(0), np.where(trimap == 255, np.float32(1), found))


def _trimap(alpha: Float, reach: int) -> NDArray[np.uint8]:
    """What is certain, eroded, as edges of the guess are what is in question; unknown around it; nothing beyond."""

    def disc(radius: int) -> NDArray[np.uint8]:
        return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2), np.uint8)

    solid = (alpha >= SOLID).view(np.uint8)
    inside = cv2.erode(solid, disc(max(1, reach // 3)), borderType=cv2.BORDER_REPLICATE)
    unknown = cv2.dilate(inside, disc(reach))
    return np.where(inside > 0, np.uint8(255), unknown * np.uint8(128))


def _shown(matting: Matting, picture: NDArray[np.uint8], trimap: NDArray[np.uint8]) -> Float:
    height, width = trimap.shape
    shrink = max(height, width) / LARGEST
    if shrink <= 1:
        return matting(picture, trimap)
    return matte_at(matting, picture, trimap, (math.ceil(width / shrink), math.ceil(height / shrink)))


def matte_at(matting: Matting, picture: NDArray[np.uint8], trimap: NDArray[np.uint8], size: tuple[int, int]) -> Float:
    """Return a network's alpha `[h,w]`, float32 in [0,1], of a picture and trimap that it is shown in another size.

    `size` is width and height.
    """
    small = matting(
        np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8),
        np.asarray(cv2.resize(trimap, size, interpolation=cv2.INTER_NEAREST), np.uint8),
    )
    return np.asarray(cv2.resize(small, trimap.shape[::-1], interpolation=cv2.INTER_LINEAR))
