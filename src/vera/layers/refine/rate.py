"""From the model's rate to the source's: the economy mode, in which the model sees every Nth frame."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, pairwise
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.arrays import Float
from vera.errors import VeraError
from vera.layers.layer_frame import LayerFrame, to_float
from vera.layers.refine.floor import floor_alpha
from vera.layers.refine.motion import flow, grey, moved


class Between(NamedTuple):
    """Where a frame's layer comes from: the sampled layer frames before and after it, and the weight of the latter."""

    before: int
    after: int
    weight: float


def sampled_frames(count: int, every: int) -> tuple[int, ...]:
    """Which of `count` frames the model sees: every Nth, and the last, so that no layer is extrapolated."""
    if every < 1:
        raise VeraError(f"every must be at least 1, not {every}")
    return (*range(0, count - 1, every), count - 1) if count > 1 else (0,)


def sampled_neighbors(sampled: Sequence[int]) -> list[Between]:
    """For each frame up to the last of `sampled` (rising, from 0 on): the sampled layer frames that it lies between."""
    frames = [Between(0, 0, 0.0)]
    for number, (first, last) in enumerate(pairwise(sampled)):
        frames += [Between(number, number + 1, (t - first) / (last - first)) for t in range(first + 1, last)]
        frames.append(Between(number + 1, number + 1, 0.0))
    return frames


def interpolate_layers(
    layers: Iterable[LayerFrame], sampled: Sequence[int], plates: Iterable[NDArray[Any]]
) -> Iterator[LayerFrame]:
    """Make the layers of all frames from those of the frames in `sampled`; float32 where they are made.

    Sampled frames pass as they are. A frame between two is reached from both by the source's own motion, which carries
    the camera and whatever the edit clings to; what is left between the two is the layer's motion of its own, of which
    each goes its part of the way. Then they are mixed. The frames from one sampled frame to the next are in memory.

    Args:
        layers: of the sampled frames, codes or floats.
        sampled: their places among the plates, rising, from the first to the last.
        plates: the source at the layers' size, RGB `[h,w,3]`, of every frame.

    Raises ValueError unless there are as many layers and plates as `sampled` says.
    """
    frames, rest = iter(layers), iter(plates)
    before = next(frames)
    plate = grey(next(rest))
    yield before
    for first, last in pairwise(sampled):
        between = [grey(picture) for picture in islice(rest, last - first)]
        after = next(frames, None)
        if after is None or len(between) < last - first:
            raise ValueError(f"fewer layer frames or plates than for the frames {sampled}")
        for number, here in enumerate(between[:-1], 1):
            sides = [moved(_rgba(layer), flow(here, there)) for layer, there in ((before, plate), (after, between[-1]))]
            yield _mixed(sides[0], sides[1], number / (last - first))
        yield after
        before, plate = after, between[-1]
    if next(frames, None) is not None or next(rest, None) is not None:
        raise ValueError(f"more layer frames or plates than for the frames {sampled}")


def _rgba(layer: LayerFrame) -> Float:
    return np.dstack([to_float(layer.edit), to_float(layer.alpha)])


def _mixed(before: Float, after: Float, weight: float) -> LayerFrame:
    """Two straight RGBA layers, seen at the same place but for the layer's own motion, as one between them."""
    own = flow(_shown(before), _shown(after))
    before = moved(before, own * np.float32(-weight))
    after = moved(after, own * np.float32(1 - weight))
    shares = before[..., 3:] * np.float32(1 - weight), after[..., 3:] * np.float32(weight)
    alpha = shares[0] + shares[1]
    # Where neither covers, their fills are mixed as they are.
    shares = shares[0] + np.float32(1e-4 * (1 - weight)), shares[1] + np.float32(1e-4 * weight)
    color = (shares[0] * before[..., :3] + shares[1] * after[..., :3]) / (shares[0] + shares[1])
    return LayerFrame(color.clip(0, 1), floor_alpha(alpha[..., 0].clip(0, 1)))


def _shown(layer: Float) -> NDArray[np.uint8]:
    """The layer over grey; its matte counts too, for a layer that is grey itself."""
    alpha = layer[..., 3]
    color = cv2.cvtColor(np.ascontiguousarray(layer[..., :3]), cv2.COLOR_RGB2GRAY)
    return np.asarray(np.rint((alpha * (0.5 + 0.5 * color)).clip(0, 1) * 255), np.uint8)
