"""OpenColorIO's transforms as functions on colours, there and back."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import PyOpenColorIO as ocio  # noqa: N813

from vera.color.primaries import Colors


def both_ways(transform: Any, config: Any = None) -> tuple[Callable[[Colors], Colors], Callable[[Colors], Colors]]:
    """Return a transform of OpenColorIO and its inverse as functions on colours `[...,3]`.

    They compute in float32 and exactly: by default OpenColorIO puts a coarse table in place of a table's inverse.
    Raises ocio.Exception for a transform that `config` cannot resolve or that has no inverse.
    """
    config = config or ocio.Config.CreateRaw()
    there, back = (
        partial(_apply, config.getProcessor(transform, way).getOptimizedCPUProcessor(ocio.OPTIMIZATION_LOSSLESS))
        for way in (ocio.TRANSFORM_DIR_FORWARD, ocio.TRANSFORM_DIR_INVERSE)
    )
    return there, back


def _apply(processor: Any, colors: Colors) -> Colors:
    pixels = np.array(colors, np.float32, order="C")  # a copy, which is changed in place
    if pixels.size:
        processor.applyRGB(pixels)
    return pixels.astype(np.float64)
