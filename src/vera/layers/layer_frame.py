"""One frame of a layer, and the only place where its values become codes."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vera.arrays import Float

FULL = 65535  # alpha 1 as a code


class LayerFrame(NamedTuple):
    """Colours and coverage of one frame, of one size.

    Both are float32 in [0,1] while they are worked on. Files hold codes, uint8 or uint16 of the edit and uint16 of the
    alpha, and what does nothing to a frame passes them on as they are; `to_float` reads either.

    Args:
        edit: straight R'G'B' `[H,W,3]`.
        alpha: coverage `[H,W]`, exactly 0 where the source stays untouched.
    """

    edit: NDArray[Any]
    alpha: NDArray[Any]

    def codes(self, dtype: type[np.uint8] | type[np.uint16] = np.uint8) -> "LayerFrame":
        """Round floats to codes, the edit's of `dtype`; codes stay as they are."""
        return LayerFrame(to_codes(self.edit, dtype), to_codes(self.alpha, np.uint16))


def to_float(picture: NDArray[Any]) -> Float:
    """Read codes as float32 in [0,1]; floats as they are."""
    if picture.dtype == np.float32:
        return picture
    return np.asarray(picture * np.float32(1 / np.iinfo(picture.dtype).max))


def to_codes(values: NDArray[Any], dtype: type[np.uint8] | type[np.uint16]) -> NDArray[Any]:
    """Round float32 of [0,1] to codes of `dtype`, clipped; codes stay as they are."""
    if values.dtype != np.float32:
        return values
    top = np.float32(np.iinfo(dtype).max)
    return np.asarray(np.rint((values * top).clip(0, top)), dtype)
