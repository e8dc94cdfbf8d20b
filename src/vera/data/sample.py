"""The layered sample: one training or test record."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Task = Literal["obj_add", "background_replace"]


@dataclass(frozen=True)
class LayeredSample:
    """A source, an instruction and the layers that carry it out.

    All arrays are uint8, time first and of one size: `source`, `edit` (straight colours) and `composite` are
    `[T,H,W,3]` RGB, `alpha` and `mask` `[T,H,W]`. `mask` is 255 on the subject to preserve, or None.
    `composite` is `alpha * edit + (1 - alpha) * source`, rounded.
    """

    source: NDArray[np.uint8]
    edit: NDArray[np.uint8]
    alpha: NDArray[np.uint8]
    composite: NDArray[np.uint8]
    mask: NDArray[np.uint8] | None
    instruction: str
    task: Task
