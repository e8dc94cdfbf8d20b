"""The source and its mask as a model sees them, read in pieces: memory does not grow with the clip."""

from collections.abc import Collection, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vera.color.transform import ColorTransform
from vera.layers.masks import mask_frames
from vera.video import Clip
from vera.video.view import source_view


@dataclass(frozen=True)
class SourceViews:
    """The `edited` frames of a clip, upright at `size` (width, height) and in the colours that a model sees."""

    clip: Clip
    edited: range
    size: tuple[int, int]
    transform: ColorTransform | None = None

    def pictures(self, wanted: Collection[int] | None = None) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """Read the `wanted` of the edited frames, all if None: each with its index among them, as RGB `[H,W,3]`."""
        with self.clip.frames() as reader:
            for index, frame in enumerate(islice(reader.first(self.edited.stop), self.edited.start, None)):
                if wanted is None or index in wanted:
                    yield index, source_view(frame, *self.size, self.clip.orientation, self.transform)

    def mask(self, path: Path, wanted: Collection[int]) -> Iterator[NDArray[np.bool_]]:
        """Read the mask of the `wanted` of the edited frames, each `[H,W]`, True on the subject to preserve."""
        with closing(mask_frames(path, *self.size, self.clip)) as frames:
            for index, mask in enumerate(islice(frames, self.edited.start, self.edited.stop)):
                if index in wanted:
                    yield mask
