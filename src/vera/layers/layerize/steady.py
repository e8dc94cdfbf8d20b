"""Mattes that do not flicker: where both clips stand still, a frame's alpha is averaged with its neighbours'."""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.layers.layerize.unmix import Layers

Float = NDArray[np.float32]

REACH = 1  # frames to either side
STILL = 2.0  # difference of two frames, in noise, at which the weight of a neighbour has fallen to 0.6


class Unmixed(NamedTuple):
    """A frame's layers with what they came from: matched pictures `[H,W,3]` and noise level `[H,W]`."""

    source: Float
    edited: Float
    level: Float
    layers: Layers


def steady(frames: Iterable[Unmixed]) -> Iterator[Unmixed]:
    """The same frames with steadied layers, `REACH` frames late. What moves keeps its own alpha: nothing lags."""
    waiting: deque[tuple[Unmixed, Float]] = deque()
    place = 0
    for frame in frames:
        waiting.append((frame, _seen(frame)))
        if len(waiting) > place + REACH:
            yield _averaged(waiting, place)
            place = _advance(waiting, place)
    while place < len(waiting):
        yield _averaged(waiting, place)
        place = _advance(waiting, place)


def _advance(waiting: deque[tuple[Unmixed, Float]], place: int) -> int:
    """Forget what no later frame needs; returns the place of the next frame."""
    if place < REACH:
        return place + 1
    waiting.popleft()
    return place


def _averaged(frames: deque[tuple[Unmixed, Float]], place: int) -> Unmixed:
    frame, seen = frames[place]
    size = frame.level.shape[::-1]
    noise = np.square(STILL * cv2.resize(frame.level, seen.shape[1::-1], interpolation=cv2.INTER_AREA))
    alpha, edit = frame.layers.alpha.copy(), frame.layers.edit * frame.layers.alpha[..., None]
    total = np.ones_like(alpha)
    for index, (other, other_seen) in enumerate(frames):
        if index != place:
            weight = np.exp(np.square(seen - other_seen).mean(-1) / noise / -2)
            weight = cv2.resize(weight, size, interpolation=cv2.INTER_LINEAR)
            total += weight
            weight *= other.layers.alpha
            alpha += weight
            edit += weight[..., None] * other.layers.edit
    covered = np.maximum(alpha, np.float32(1e-6))[..., None]
    edit = np.where(alpha[..., None] > 0, edit / covered, frame.layers.edit)
    return frame._replace(layers=Layers(alpha / total, edit))


def _seen(frame: Unmixed) -> Float:
    """`[h,w,6]`, both pictures at half their size, so that noise counts little as motion."""
    height, width = frame.level.shape
    size = (max(1, width // 2), max(1, height // 2))
    halves = [cv2.resize(part, size, interpolation=cv2.INTER_AREA) for part in (frame.source, frame.edited)]
    return np.concatenate(halves, axis=-1)
