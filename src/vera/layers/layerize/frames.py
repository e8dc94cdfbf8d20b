"""Frames of both clips in step: RGB of one depth, the edited one at its own size."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from vera.layers.layerize.pairing import Group
from vera.layers.masks import mask_frames
from vera.video import Clip, model_view
from vera.video.view import picture

Item = TypeVar("Item")


@dataclass(frozen=True)
class Clips:
    """Source, edited clip and mask (or None)."""

    source: Clip
    edited: Clip
    mask: Path | None

    @property
    def edited_size(self) -> tuple[int, int]:
        """Width and height that the edited clip is read at: its own, or the source's if that is smaller."""
        size, own = self.source.display_size, self.edited.display_size
        return own if own[0] * own[1] <= size[0] * size[1] else size

    @property
    def is_deep(self) -> bool:
        """Whether either clip has more than 8 bits."""
        return max(self.source.bit_depth, self.edited.bit_depth) > 8


@dataclass(frozen=True)
class FramePair:
    """Upright RGB, uint8 or uint16, of the source `[H,W,3]` and the edited clip `[h,w,3]`; what the mask keeps `[H,W]`,
    or None."""

    source: NDArray[Any]
    edited: NDArray[Any]
    kept: NDArray[np.bool_] | None


def pictures(clip: Clip, wanted: Sequence[int], size: tuple[int, int]) -> Generator[NDArray[Any], None, None]:
    """RGB of the frames `wanted` (rising numbers) at `size`, uint8, or uint16 of a clip of more bits; other frames are
    decoded, not converted."""
    with clip.frames() as reader:
        for frame in _pick(reader, wanted):
            if clip.bit_depth <= 8:
                yield model_view(frame, *size, clip.orientation)
                continue
            stored = clip.orientation.swapped(size)
            codes = np.rint(picture(frame, stored).clip(0, 1) * 65535).astype(np.uint16)
            yield np.ascontiguousarray(clip.orientation.upright(codes))


def frame_pairs(clips: Clips, groups: Sequence[Group]) -> Iterator[FramePair]:
    """For each group its edited frame and the source frame that fits it best."""
    size = clips.source.display_size
    best = [group.best for group in groups]
    with ExitStack() as stack:
        sources = stack.enter_context(closing(pictures(clips.source, best, size)))
        wanted = [group.edited for group in groups]
        edits = stack.enter_context(closing(pictures(clips.edited, wanted, clips.edited_size)))
        masks: Iterator[NDArray[np.bool_] | None] = iter([None] * len(best))
        if clips.mask is not None:
            masks = _pick(stack.enter_context(closing(mask_frames(clips.mask, *size))), best)
        for source, edited, kept in zip(sources, edits, masks, strict=True):
            yield FramePair(source, edited, kept)


def _pick(items: Iterable[Item], wanted: Sequence[int]) -> Iterator[Item]:
    """Those of the `items` whose numbers are wanted; no item is asked for after the last of them."""
    if not wanted:
        return
    waiting = iter(wanted)
    number = next(waiting)
    for index, item in enumerate(items):
        if index == number:
            yield item
            following = next(waiting, None)
            if following is None:
                return
            number = following
