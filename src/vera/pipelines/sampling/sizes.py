"""The size at which the model works on a clip."""

import math
from collections.abc import Sequence
from fractions import Fraction
from numbers import Integral
from typing import Any

from vera.errors import VeraError


def model_size(
    display: tuple[int, int], sample_aspect: Fraction, strides: tuple[int, int], pixels: int
) -> tuple[int, int]:
    """Width and height, multiples of `strides` (width, height), of the clip's shape with `pixels` or a bit more.

    `display` is the clip's width and height; `sample_aspect` the shape of its pixels, since a network knows square
    ones. Of all sizes with at least `pixels` the one is chosen whose shape and area together are nearest; a stretched
    picture is worse than a larger one.
    """
    aspect = display[0] / display[1] * float(sample_aspect)
    step_w, step_h = strides
    best, best_cost = (step_w, step_h), math.inf
    for rows in range(1, math.isqrt(4 * pixels) // step_h + 2):
        height = rows * step_h
        for columns in {math.ceil(pixels / height / step_w), math.ceil(height * aspect / step_w)}:
            width = max(columns, 1) * step_w
            if width * height < pixels:
                continue
            cost = 2 * abs(math.log(width / height / aspect)) + math.log(width * height / pixels)
            if cost < best_cost:
                best, best_cost = (width, height), cost
    return best


def check_size(size: tuple[int, int], strides: tuple[int, int]) -> None:
    """VeraError, which names the nearest size that can be, unless both sides are positive multiples of `strides`."""
    if not all(isinstance(side, Integral) and not isinstance(side, bool) for side in size):
        raise VeraError(f"width and height are numbers of pixels, not {size[0]!r} and {size[1]!r}")
    if all(side > 0 and side % stride == 0 for side, stride in zip(size, strides, strict=True)):
        return
    width, height = (max(round(side / stride), 1) * stride for side, stride in zip(size, strides, strict=True))
    raise VeraError(
        f"the model works at multiples of {strides[0]}x{strides[1]}, not at {size[0]}x{size[1]}: "
        f"the nearest size is {width}x{height}"
    )


def check_positions(latents: Sequence[int], config: Any) -> None:
    """VeraError unless the transformer of this `config` has positions for `latents` (frames, rows, columns)."""
    most = getattr(config, "rope_max_seq_len", None)
    if most is None:  # another network, with positions of its own
        return
    patches = max(length // patch for length, patch in zip(latents, config.patch_size, strict=True))
    if patches > most:
        raise VeraError(f"a window has {patches} patches on a side, the model knows {most} positions: make it smaller")
