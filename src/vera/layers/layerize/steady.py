"""Mattes that do not flicker: where both clips stand still, a frame's alpha is averaged with its neighbours'."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.arrays import Float
from vera.layers.layerize.unmix import Layers

# Chosen, not searched for: the noise of two frames differs by 1.4 of one's.
# `python -m benchmarks.sensitivity layerize --only steady` prints what half and double of each are worth.
STILL = 2.0  # difference of two frames, in noise, at which the weight of a neighbour has fallen to 0.6


class Unmixed(NamedTuple):
    """A frame's layers with what they came from: matched pictures `[H,W,3]`, noise level `[H,W]`, the codes of both
    clips as they were, and what a mask keeps `[H,W]`, if there is one."""

    source: Float
    edited: Float
    level: Float
    layers: Layers
    codes: tuple[NDArray[Any], NDArray[Any]]
    kept: NDArray[np.bool_] | None = None


def steady(frames: Iterable[Unmixed]) -> Iterator[Unmixed]:
    """The same frames with steadied layers, one frame late. What moves keeps its own alpha: nothing lags."""
    before: list[_Neighbour] = []
    waiting: list[tuple[Unmixed, _Neighbour]] = []
    for following in frames:
        after = _Neighbour(following.layers, _seen(following))
        for frame, own in waiting:
            yield _averaged(frame, own, [*before, after])
            before = [own]
        waiting = [(following, after)]
    for frame, own in waiting:
        yield _averaged(frame, own, before)


class _Neighbour(NamedTuple):
    """What a frame is to the ones beside it: its layers, and what it looked like (`_seen`)."""

    layers: Layers
    seen: Float


def _averaged(frame: Unmixed, own: _Neighbour, others: Sequence[_Neighbour]) -> Unmixed:
    size = frame.level.shape[::-1]
    noise = np.square(STILL * cv2.resize(frame.level, own.seen.shape[1::-1], interpolation=cv2.INTER_AREA))
    alpha, edit = frame.layers.alpha.copy(), frame.layers.edit * frame.layers.alpha[..., None]
    total = np.ones_like(alpha)
    for other in others:
        weight = np.exp(np.square(own.seen - other.seen).mean(-1) / noise / -2)
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
