"""The frames of a source that a model is shown."""

from collections.abc import Collection, Iterator

import numpy as np
from numpy.typing import NDArray

from vera.layers.refine.clip import guide_frames
from vera.layers.views import SourceViews
from vera.progress import Progress


def shown_pictures(
    views: SourceViews, shown: Collection[int], plates: dict[int, NDArray[np.uint8]], progress: Progress | None
) -> Iterator[NDArray[np.uint8]]:
    """Read the `shown` of the edited frames, each RGB `[H,W,3]`; on the way `plates` gets those for the guide."""
    count = len(views.edited)
    guides, wanted = set(guide_frames(count)), set(shown)
    for index, picture in views.pictures(guides | wanted):
        if index in guides:
            plates[index] = picture
        if progress is not None:
            progress("read", index + 1, count)
        if index in wanted:
            yield picture
