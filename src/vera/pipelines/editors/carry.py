"""One frame's layer carried along a clip by the source's own motion, as far as that can be followed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.arrays import Float
from vera.layers.layer_frame import LayerFrame
from vera.layers.refine.motion import flow, moved

Grey = NDArray[np.uint8]  # [H,W]

REACH = 60  # frames on either side to which a layer is carried at most: about two and a half seconds
ASTRAY = 1.5  # pixels by which a way there and back may miss where it began
FOLLOWED = 0.5  # share of a layer that must be followed; below, the motion is no longer that of what it lies on
BESIDE = 4  # pixels beside the layer that are compared too
ALIKE = 0.5  # correlation of what lies under the layer with what lay there first; other shots have about 0
PLAIN = 2.0  # of 255, standard deviation of a place without texture, of which no correlation tells


@dataclass(frozen=True)
class Carried:
    """Layers of every frame, and the first and last of the frames to which the keyframe's was carried."""

    layers: list[LayerFrame]
    first: int
    last: int


def keyframe_of(count: int) -> int:
    """Which of `count` frames is edited: the middle one, from which the way to the ends is shortest."""
    return count // 2


def carry_layer(layer: LayerFrame, key: int, greys: Sequence[Grey]) -> Carried:
    """The layer of frame `key` at every frame of the clip `[T,H,W]`; alpha is 0 where it could not be followed to."""
    before = list(_followed(layer, greys[key::-1]))[::-1]
    after = list(_followed(layer, greys[key:]))
    first, last = key - len(before), key + len(after)
    nothing = LayerFrame(layer.edit, np.zeros_like(layer.alpha))
    layers = [nothing] * first + [*before, layer, *after] + [nothing] * (len(greys) - 1 - last)
    return Carried(layers, first, last)


def _followed(layer: LayerFrame, greys: Sequence[Grey]) -> Iterator[LayerFrame]:
    """The layer of the first picture in each of the following ones, until it cannot be followed."""
    rgba = np.dstack([layer.edit, layer.alpha])
    back = forth = np.zeros((*greys[0].shape, 2), np.float32)  # from the picture to the first one, and from that to it
    for previous, here in pairwise(greys[: REACH + 1]):
        step = flow(here, previous)
        back = _corrected(step + moved(back, step), here, greys[0])
        forth = _corrected(forth + moved(flow(previous, here), forth), greys[0], here)
        carried = moved(rgba, back)
        alpha = carried[..., 3]
        if alpha.sum() <= 0 or _share_followed(alpha, back, forth) < FOLLOWED:
            return
        if _correlation(alpha, here, moved(greys[0].astype(np.float32), back)) < ALIKE:
            return
        yield LayerFrame(np.ascontiguousarray(carried[..., :3]), np.ascontiguousarray(alpha))


def _corrected(motion: Float, here: Grey, there: Grey) -> Float:
    """The motion from one picture to another, summed up step by step, without what the steps' errors sum up to."""
    reached = np.rint(moved(there.astype(np.float32), motion).clip(0, 255)).astype(np.uint8)
    rest = flow(here, reached)
    return rest + moved(motion, rest)


def _share_followed(alpha: Float, back: Float, forth: Float) -> float:
    """Share of the matte whose way to the first picture and back ends where it began, within `ASTRAY`."""
    missed = np.sqrt(np.square(back + moved(forth, back)).sum(-1))
    height, width = alpha.shape
    y, x = np.mgrid[:height, :width].astype(np.float32)
    x, y = x + back[..., 0], y + back[..., 1]
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    return float((alpha * (inside & (missed < ASTRAY))).sum() / alpha.sum())


def _correlation(alpha: Float, here: Grey, first: Float) -> float:
    """How much two pictures are alike under and beside the matte, whatever their brightness; 1 where both are plain."""
    near = cv2.dilate(alpha, np.ones((2 * BESIDE + 1,) * 2, np.uint8)) > 0
    one, other = here[near].astype(np.float64), first[near].astype(np.float64)
    spread = one.std(), other.std()
    if min(spread) < PLAIN:
        return float(max(spread) < 2 * PLAIN)
    return float(((one - one.mean()) * (other - other.mean())).mean() / (spread[0] * spread[1]))
