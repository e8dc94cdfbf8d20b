"""An editor that draws what a test says."""

from collections.abc import Callable
from typing import Any

import numpy as np

from vera.pipelines.editors.protocol import ClipWindow, Drawn, Mask, Settings, Traits


class DrawingEditor:
    """An editor that draws `draw(frames)`; it keeps what it was called with."""

    def __init__(self, draw: Callable[[np.ndarray], np.ndarray], **traits: Any) -> None:
        self.draw = draw
        defaults: dict[str, Any] = {
            "strides": (16, 16),
            "pixels": 64 * 64,
            "window": 9,
            "overlap": 3,
            "step": 4,
            "rate": 25.0,
            "steps": 2,
            "guidance": 5.0,
        }
        self.traits = Traits(**defaults | traits)
        self.calls: list[tuple[ClipWindow, Mask | None, int]] = []

    def check_text(self, instruction: str) -> None:
        """It reads any text."""

    def edit(self, clip: ClipWindow, instruction: str, mask: Mask | None, seed: int, settings: Settings) -> Drawn:
        self.calls.append((clip, mask, seed))
        if settings.on_step is not None:
            settings.on_step(1, 2)
            settings.on_step(2, 2)
        return self.draw(clip.frames)

    def record(self) -> dict[str, Any]:
        return {"pipeline": "DrawingEditor"}
