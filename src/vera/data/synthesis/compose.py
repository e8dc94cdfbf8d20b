"""Layers in floating point to the sample's bytes, so that the compositing identity holds to rounding."""

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.arrays import Float
from vera.data.sample import LayeredSample, Task
from vera.layers.refine.extend import extend_colors


def make_sample(
    source: NDArray[np.uint8],
    premultiplied: Float,
    alpha: Float,
    mask: NDArray[np.uint8] | None,
    instruction: str,
    task: Task,
    fill: str = "edge",
) -> LayeredSample:
    """A sample whose composite is the edit laid over the source, from the 8-bit layers.

    Args:
        source: uint8 `[T,H,W,3]`.
        premultiplied: `[T,H,W,3]` in [0,1], the edit's colours times `alpha`.
        alpha: `[T,H,W]` in [0,1].
        fill: the edit where alpha is 0: `edge` extends the colours outward, `white` paints white.
    """
    alpha8 = np.rint(alpha * np.float32(255)).astype(np.uint8)
    edit = np.empty_like(source)
    composite = np.empty_like(source)
    for t, coverage in enumerate(alpha8):
        if fill == "edge":
            straight = extend_colors(premultiplied[t], alpha[t])
        else:
            straight = premultiplied[t] + (1 - alpha[t][..., None])
        cv2.convertScaleAbs(straight.clip(0, 1), edit[t], 255)
        lay_over(source[t], edit[t], coverage, composite[t])
    return LayeredSample(source, edit, alpha8, composite, mask, instruction, task)


def lay_over(
    source: NDArray[np.uint8], edit: NDArray[np.uint8], alpha: NDArray[np.uint8], out: NDArray[np.uint8]
) -> None:
    """`alpha * edit + (1 - alpha) * source` of one frame into `out`, rounded; all uint8."""
    matte = cv2.cvtColor(alpha, cv2.COLOR_GRAY2RGB).astype(np.float32)
    matte *= np.float32(1 / 255)
    over = edit.astype(np.float32)
    over -= source
    over *= matte
    over += source
    np.rint(over, out=over)
    out[:] = over
