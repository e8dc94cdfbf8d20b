"""The frames of a source that a model is shown, or crops of them."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vera.layers.refine.clip import guide_frames
from vera.layers.views import SourceViews
from vera.pipelines.footage.crops import Crop
from vera.progress import Progress


def shown_crops(
    views: SourceViews,
    shown: Collection[int],
    crop: Crop,
    plates: dict[int, NDArray[np.uint8]],
    progress: Progress | None,
) -> Iterator[NDArray[np.uint8]]:
    """Read a crop of the `shown` of the edited frames, RGB `[h,w,3]`; on the way `plates` gets whole guide frames."""
    count = len(views.edited)
    guides, wanted = set(guide_frames(count)), set(shown)
    for index, picture in views.pictures(guides | wanted):
        if index in guides:
            plates[index] = picture
        if progress is not None:
            progress("read", index + 1, count)
        if index in wanted:
            yield crop.cut(picture, index)


def shown_masks(views: SourceViews, mask: Path, shown: Sequence[int], crop: Crop) -> Iterator[NDArray[np.bool_]]:
    """Read the crop's mask `[h,w]` of the `shown` frames, True on what must stay."""
    for index, picture in zip(shown, views.mask(mask, set(shown)), strict=False):
        yield crop.cut(picture, index)
