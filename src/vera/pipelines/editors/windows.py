"""A clip in the windows that an editor edits together, read once."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vera.pipelines.editors.protocol import Traits
from vera.pipelines.sampling.windows import Windows, plan_windows


def editor_windows(frames: int, traits: Traits) -> Windows:
    """The windows of a clip of `frames` frames: as long as the editor's, evenly spread."""
    return plan_windows(frames, traits.window, traits.overlap)


def every_nth(rate: float, traits: Traits, every: int) -> int:
    """How many of the source's frames one frame of the model stands for: at least `every`.

    The model is never shown less than its own rate, so of 25 and 30 frames a second a model of 16 sees all, and of 50
    every third. Layers of frames that were shown are better than those made between them.
    """
    return every if traits.rate is None else max(every, int(rate / traits.rate), 1)


def cut_windows(frames: Iterable[NDArray[Any]], windows: Windows) -> Iterator[NDArray[Any]]:
    """Yield the frames `[n,...]` of each window of a clip that comes frame by frame; overlaps are held, not read again.

    ValueError if there are fewer frames than the windows cover.
    """
    source = iter(frames)
    held: list[NDArray[Any]] = []
    first = 0  # number of held[0]
    for start in windows.starts:
        del held[: start - first]
        first = start
        while len(held) < windows.size:
            frame = next(source, None)
            if frame is None:
                raise ValueError(f"the clip ended after {first + len(held)} of {windows.length} frames")
            held.append(frame)
        yield np.stack(held)
