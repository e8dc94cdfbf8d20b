"""Where frames come from: a clip on disk, or pictures that a program already has."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.errors import VeraError
from vera.layers.layer_frame import FULL, to_codes
from vera.layers.layerize.pairing import Times
from vera.layers.masks import mask_frames, mask_pictures
from vera.layers.source_match import describe_source
from vera.video import Clip, model_view
from vera.video.view import picture

Size = tuple[int, int]  # width and height
Item = TypeVar("Item")

OVERSHOOT = 0.1  # of floats beyond [0,1], as resizing leaves them; in [-1,1] or up to 255 pictures reach further
FINER = 2.0  # pixels of the source to one of the edited clip, beyond which they are compared at less than full size


class Footage(Protocol):
    """Frames that can be read more than once."""

    @property
    def name(self) -> str:
        """What messages call it."""

    @property
    def size(self) -> Size:
        """Width and height, upright."""

    @property
    def deep(self) -> bool:
        """Whether it has more than 8 bits."""

    @property
    def times(self) -> Times:
        """When its frames begin."""

    def pictures(self, wanted: Sequence[int], size: Size) -> Generator[NDArray[Any], None, None]:
        """RGB `[h,w,3]` uint8 or uint16 of the frames `wanted` (rising numbers), at `size`."""

    def describe(self) -> dict[str, Any]:
        """What a manifest records of them."""


@dataclass(frozen=True)
class ClipFootage:
    """A clip on disk, decoded as it is read."""

    clip: Clip

    @property
    def name(self) -> str:
        """Its path."""
        return str(self.clip.path)

    @property
    def size(self) -> Size:
        """Width and height, upright."""
        return self.clip.display_size

    @property
    def deep(self) -> bool:
        """Whether there are more than 8 bits."""
        return self.clip.bit_depth > 8

    @property
    def times(self) -> Times:
        """When its frames begin."""
        return Times.of(self.clip)

    def pictures(self, wanted: Sequence[int], size: Size) -> Generator[NDArray[Any], None, None]:
        """Other frames are decoded, not converted."""
        with self.clip.frames() as reader:
            for frame in pick(reader.first(wanted[-1] + 1 if wanted else 0), wanted):
                if not self.deep:
                    yield model_view(frame, *size, self.clip.orientation)
                    continue
                stored = self.clip.orientation.swapped(size)
                codes = to_codes(picture(frame, stored).astype(np.float32), np.uint16)
                yield np.ascontiguousarray(self.clip.orientation.upright(codes))

    def describe(self) -> dict[str, Any]:
        """Name, length and hash of the file."""
        return describe_source(self.clip)


class Pictures(Protocol):
    """Frames by number, of one size: an array, a list, or a clip that is read as it is asked."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> Any: ...


class ArrayFootage:
    """Frames that a program has, uint8, uint16 or float in [0,1], at `rate` a second.

    Raises VeraError, which begins with `name`, for no frames and other shapes, and when they are read for frames of
    different sizes or values that are no numbers.
    """

    def __init__(self, frames: Pictures, rate: Fraction | float, name: str = "the edited frames") -> None:
        if len(frames) == 0:
            raise VeraError(f"{name}: there are none")
        if not rate > 0:
            raise VeraError(f"{name}: {rate} frames a second is no rate")
        first = np.asarray(frames[0])
        if first.ndim != 3 or first.shape[2] != 3 or min(first.shape) == 0:
            raise VeraError(f"{name}: are {first.shape} each; give RGB, height x width x 3")
        if first.dtype not in (np.uint8, np.uint16) and first.dtype.kind != "f":
            raise VeraError(f"{name}: hold {first.dtype}; give uint8, uint16, or floats from 0 to 1")
        self.name, self._frames = name, frames
        self.size: Size = (first.shape[1], first.shape[0])
        self._shape, self.deep = first.shape, first.dtype == np.uint16
        self.times = Times(tuple(float(i / rate) for i in range(len(frames))), float(len(frames) / rate))

    def pictures(self, wanted: Sequence[int], size: Size) -> Generator[NDArray[Any], None, None]:
        """RGB of the frames `wanted` at `size`, as they are asked for."""
        for index in wanted:
            codes = self._codes(index)
            if codes.shape[1::-1] != size:
                codes = np.asarray(cv2.resize(codes, size, interpolation=cv2.INTER_AREA))
            yield codes

    def describe(self) -> dict[str, Any]:
        """Count and size of the frames."""
        return {"frames": len(self._frames), "size": list(self.size)}

    def _codes(self, index: int) -> NDArray[Any]:
        frame = np.asarray(self._frames[index])
        if frame.shape != self._shape:
            raise VeraError(f"{self.name}: frame {index} is {frame.shape}, the first {self._shape}")
        if frame.dtype.kind != "f":
            return np.asarray(frame)
        check_floats(frame, f"{self.name}: frame {index} holds")
        return to_codes(frame.astype(np.float32), np.uint8)


@dataclass(frozen=True)
class FramePair:
    """Upright RGB, uint8 or uint16, of the source `[H,W,3]` and the edited clip `[h,w,3]`; what the mask keeps and the
    matte of solid things `[H,W]`, or None."""

    source: NDArray[Any]
    edited: NDArray[Any]
    kept: NDArray[np.bool_] | None = None
    matte: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Footages:
    """Source and edited clip; a mask, a file or `[T,H,W]` or `[H,W]`, true on what is kept; and the mattes of solid
    things in the edited clip, a file, `[T,H,W]` by source frame or `[H,W]`; or None."""

    source: Footage
    edited: Footage
    mask: Path | Pictures | None = None
    mattes: Path | Pictures | None = None

    @property
    def work_size(self) -> Size:
        """The size that the clips are compared at: the source's, or less if that shows far more than the edited clip.

        What an editor drew has no finer edges than its pixels, so nothing is lost; at 4K against 480p it saves four
        fifths of the work.
        """
        width, height = self.source.size
        scale = FINER * max(self.edited.size) / max(width, height)
        return (width, height) if scale >= 1 else (round(width * scale), round(height * scale))

    @property
    def edited_size(self) -> Size:
        """The size that the edited clip is read at: its own, or that of the work if it is smaller."""
        size, own = self.work_size, self.edited.size
        return own if own[0] * own[1] <= size[0] * size[1] else size

    @property
    def deep(self) -> bool:
        """Whether there are more than 8 bits."""
        return self.source.deep or self.edited.deep

    def pairs(self, frames: Sequence[tuple[int, int]]) -> Iterator[FramePair]:
        """For each (source frame, edited frame), rising, both pictures."""
        places = [place for place, _ in frames]
        sources = self.source.pictures(places, self.work_size)
        edits = self.edited.pictures([number for _, number in frames], self.edited_size)
        masks, mattes = self._masks(places), self._mattes(places)
        with closing(sources), closing(edits), closing(masks), closing(mattes):
            for parts in zip(sources, edits, masks, mattes, strict=True):
                yield FramePair(*parts)

    @property
    def _clip(self) -> Clip | None:
        return self.source.clip if isinstance(self.source, ClipFootage) else None

    @cached_property
    def _white(self) -> float:
        """The value from which on a mask in memory is white."""
        assert self.mask is not None and not isinstance(self.mask, Path)
        return _white_from(self.mask)

    @cached_property
    def _opaque(self) -> float:
        """The value of alpha 1 in mattes in memory: of integers the least of 1, 255 and 65535 that none exceeds."""
        assert self.mattes is not None and not isinstance(self.mattes, Path)
        if np.asarray(self.mattes[0]).dtype.kind not in "iu":
            return 1
        highest = max(int(np.asarray(self.mattes[i]).max()) for i in range(len(self.mattes)))
        return 1 if highest <= 1 else 255 if highest <= 255 else FULL

    def _masks(self, places: Sequence[int]) -> Generator[NDArray[np.bool_] | None, None, None]:
        if self.mask is None:
            yield from (None for _ in places)
        elif isinstance(self.mask, Path):
            with closing(mask_frames(self.mask, *self.work_size, self._clip)) as masks:
                yield from pick(masks, places)
        else:
            still = is_still(self.mask)
            for place in places:
                picture = np.asarray(self.mask if still else self.mask[place])
                check_floats(picture, "the mask has")
                yield _coverage(picture >= self._white, self.work_size) >= 0.5

    def _mattes(self, places: Sequence[int]) -> Generator[NDArray[np.float32] | None, None, None]:
        if self.mattes is None:
            yield from (None for _ in places)
        elif isinstance(self.mattes, Path):
            with closing(mask_pictures(self.mattes, *self.work_size, self._clip)) as mattes:
                yield from (_coverage(matte.mean(axis=-1) / 255, self.work_size) for matte in pick(mattes, places))
        else:
            still = is_still(self.mattes)
            for place in places:
                picture = np.asarray(self.mattes if still else self.mattes[place])
                check_floats(picture, "the mattes have")
                yield _coverage(picture / self._opaque, self.work_size)


def is_still(pictures: Pictures) -> bool:
    """Whether they are one picture `[H,W]`, for all frames."""
    return np.ndim(pictures[0]) == 1


def check_floats(picture: NDArray[Any], what: str) -> None:
    """VeraError, which begins with `what`, for floats that are not in [0,1], or are no numbers."""
    if picture.dtype.kind != "f":
        return
    low, high = float(picture.min()), float(picture.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise VeraError(f"{what} values that are no numbers (NaN or infinite)")
    if low < -OVERSHOOT or high > 1 + OVERSHOOT:
        raise VeraError(f"{what} values from {low:g} to {high:g}: floats lie in [0, 1]; scale them, or give uint8")


def _white_from(mask: Pictures) -> float:
    """The value from which on a mask is white: half of 1, of 255, or of 65535 where an integer is above 255.

    Of integers 0 and 1 alone 1 is white, as in files. VeraError for others in which nothing is white: they are labels.
    """
    if np.asarray(mask[0]).dtype.kind not in "iu":
        return 0.5
    ends = [(int(part.min()), int(part.max())) for part in (np.asarray(mask[i]) for i in range(len(mask)))]
    low, high = min(least for least, _ in ends), max(most for _, most in ends)
    white = 1 if high <= 1 else 128 if high <= 255 else 32768
    if low < 0 or 0 < high < white or high > 65535:
        raise VeraError(
            f"the mask has values from {low} to {high}: white is 255, or 1 in a mask of 0 and 1; "
            "of a map of labels give the subject's, `labels == 2` say"
        )
    return white


def _coverage(picture: Any, size: Size) -> NDArray[np.float32]:
    """`[h,w]`, bool or in [0,1], as float32 `[H,W]` in [0,1]."""
    values = np.asarray(picture).astype(np.float32)
    if values.shape[::-1] != size:
        values = np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_LINEAR))
    return values.clip(0, 1)


def enlarge(picture: NDArray[Any], size: Size) -> NDArray[Any]:
    """`[h,w,...]` brought to `size`; as it is if it has that."""
    if picture.shape[1::-1] == size:
        return picture
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR))


def pick(items: Iterable[Item], wanted: Sequence[int]) -> Iterator[Item]:
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
