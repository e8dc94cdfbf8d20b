"""What a person changes of a matte: its levels, then strokes over it, as decisions hold them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from vera.arrays import Float
from vera.errors import VeraError
from vera.layers.paint import Stroke, check_paint, paint_alpha, strokes_from_json

LEAST = 0.001  # that levels are apart: float32 still tells them from each other


@dataclass(frozen=True)
class Mend:
    """`levels`: alpha that becomes 0, and alpha that becomes 1, straight between them. `strokes` come after that.

    VeraError for levels that do not rise within 0 to 1, and for more strokes than a layer may have.
    """

    levels: tuple[float, float] = (0.0, 1.0)
    strokes: tuple[Stroke, ...] = ()

    def __post_init__(self) -> None:
        low, high = self.levels
        if not 0 <= low <= high - LEAST <= high <= 1:
            raise VeraError(f"levels rise from 0 to 1 by {LEAST} or more, such as [0.1, 0.9], not {list(self.levels)}")
        check_paint(self.strokes)

    def apply(self, alpha: Float, frame: int) -> Float:
        """The matte `[H,W]` of a frame, float32 in [0,1]; itself where nothing changes it."""
        low, high = self.levels
        if self.levels != (0, 1):
            alpha = np.asarray(np.clip((alpha - np.float32(low)) / np.float32(high - low), 0, 1))
        return paint_alpha(alpha, self.strokes, frame)


NOTHING = Mend()


def read_mend(values: Mapping[str, Any]) -> Mend:
    """Read `levels` and `strokes` of a decision or a draft; VeraError for what cannot be."""
    low, high = values.get("levels", NOTHING.levels)
    return Mend((low, high), strokes_from_json(list(values.get("strokes", ()))))
