"""`Drawn`: the joint between a model and everything after it. Whatever gives one, `write_layers` brings to disk."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vera.layers.refine.clip import Refinement, Span
from vera.layers.views import SourceViews


@dataclass(frozen=True)
class Drawn:
    """Layers on their way from a model to disk.

    Args:
        views: the source as the model sees it, at the size of the layers.
        refinement: how they are brought to the source's rate and size.
        plates: of the frames in `guide_frames`, the source's RGB `[h,w,3]` uint8 at that size.
        spans: edit and alpha of the frames that the model was shown, decoded as they are asked for.
        manifest: says after the last frame what it takes to make the same layers again.
        choice: says in a line which model does what.
        notices: what the user should know; whole after the last frame.
    """

    views: SourceViews
    refinement: Refinement
    plates: dict[int, NDArray[np.uint8]]
    spans: Iterator[Span]
    manifest: Callable[[], dict[str, Any]]
    choice: str
    notices: list[str] = field(default_factory=list)
