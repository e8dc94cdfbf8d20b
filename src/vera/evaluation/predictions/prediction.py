"""An edit as arrays."""

from dataclasses import dataclass

from vera.arrays import Frames
from vera.metrics.objects import Alpha


@dataclass(frozen=True)
class Prediction:
    """The result of an edit and the layers that it is made of, None where there are none.

    `edit`, `composite` (of the network's own) and `result` are uint8 `[T,H,W,3]` RGB; `alpha` is float32 `[T,H,W]` in
    [0,1], exactly 0 where the source is untouched.
    """

    edit: Frames | None
    alpha: Alpha | None
    composite: Frames | None
    result: Frames
