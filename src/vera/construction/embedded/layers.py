"""An object's layers from the clip, the plate without it, and its matte."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from vera.arrays import Float
from vera.construction.embedded.regions import Frames, Mask
from vera.layers.layerize.difference import find_changes
from vera.layers.layerize.noise import smoothed_difference
from vera.layers.layerize.steady import Unmixed, steady
from vera.layers.layerize.unmix import straight_colors, unmix

NOISE = 1.5 / 255  # noise of a plate against its clip: twice rounded, and a median of frames


@dataclass(frozen=True)
class ObjectLayers:
    """`edit` straight colours uint8 `[T,H,W,3]` and `alpha` float32 `[T,H,W]`, shadows and reflections included; alpha
    is exactly 0 outside of the holes. Laid over the plate they give the clip."""

    edit: Frames
    alpha: Float


def object_layers(
    frames: Frames, plate: Frames, holes: Mask, mattes: Float | None = None, noise: float = NOISE
) -> ObjectLayers:
    """Solve for the layers that make a clip `[T,H,W,3]` out of its `plate`, inside the `holes` `[T,H,W]`.

    The plate is the clip itself outside of the holes. `mattes` `[T,H,W]` are what is surely covered by something solid:
    alpha is at least that, also where the object has the background's colour. `noise` is the plate's, a standard
    deviation in [0,1].
    """
    edit, alpha = np.zeros_like(frames), np.zeros(frames.shape[:3], np.float32)
    for t, frame in enumerate(steady(_unmixed(frames, plate, holes, mattes, noise))):
        covered = frame.layers.alpha.clip(0, 1)
        if mattes is not None:  # once more: neighbours' averages are below
            covered = np.maximum(covered, mattes[t])
        layers = frame.layers._replace(alpha=np.where(holes[t], covered, np.float32(0)))
        colors = straight_colors(frame.source, frame.edited, layers, frame.level)
        edit[t], alpha[t] = np.rint(colors * 255), layers.alpha
    return ObjectLayers(edit, alpha)


def _unmixed(frames: Frames, plate: Frames, holes: Mask, mattes: Float | None, noise: float) -> Iterator[Unmixed]:
    level = np.full(frames.shape[1:3], noise, np.float32)
    for t, hole in enumerate(holes):
        source, edited = plate[t] / np.float32(255), frames[t] / np.float32(255)
        inside = find_changes(smoothed_difference(source, edited), level, ~hole) & hole
        layers = unmix(source, edited, inside, level, matte=None if mattes is None else mattes[t] * hole)
        yield Unmixed(source, edited, level, layers, (plate[t], frames[t]))
