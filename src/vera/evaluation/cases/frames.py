"""The frames of a case: its source and, where they are known, the true layers and what must stay."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vera.arrays import Frames
from vera.data.sample import LayeredSample

Region = NDArray[np.bool_]  # [T,H,W]


@dataclass(frozen=True)
class CaseFrames:
    """What an edit is measured against, all of one size.

    Args:
        source: RGB `[T,H,W,3]` uint8.
        alpha: the true matte `[T,H,W]` uint8, None where it is unknown; `composite` likewise, as `source`.
        preserved: `[T,H,W]`, True on what an edit must leave as it is; None where nothing tells.
    """

    source: Frames
    alpha: NDArray[np.uint8] | None = None
    composite: Frames | None = None
    preserved: Region | None = None

    @classmethod
    def of_sample(cls, sample: LayeredSample) -> "CaseFrames":
        """The frames of a layered sample, whose true alpha is 0 on what must stay."""
        return cls(sample.source, sample.alpha, sample.composite, sample.alpha == 0)
