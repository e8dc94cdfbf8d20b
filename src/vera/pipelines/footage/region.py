"""Regions of a clip that are edited by themselves: as they are asked for, and as boxes that may move."""

import math
import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from numbers import Integral
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.errors import VeraError, brief
from vera.layers.masks import is_still, mask_frames
from vera.video import Clip

AUTO = "auto"
MASK_SIDE = 960  # pixels at which masks are measured: a box is then right to 4 pixels of a 4K frame
SMOOTH = 6.0  # frames, sigma of a moving box: masks of segmenters tremble from frame to frame
STILL = 1.1  # a box that holds a whole path stands still if its sides are no longer than this many of a moving one's

_BOX = re.compile(r"(-?\d{1,6}),(-?\d{1,6}),(-?\d{1,6}),(-?\d{1,6})", re.ASCII)

RegionLike = str | Sequence[int]


class Box(NamedTuple):
    """Left, top, width and height, in pixels of the clip's upright frame."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Region:
    """A part of the frame, as it was asked for ("auto" or "X,Y,W,H"), and its box: one, or one an edited frame.

    All boxes of a region have the same size.
    """

    asked: str
    boxes: tuple[Box, ...]

    @property
    def size(self) -> tuple[float, float]:
        """Width and height."""
        return self.boxes[0].width, self.boxes[0].height


def find_regions(
    asked: RegionLike | Sequence[RegionLike] | None, clip: Clip, edited: range, mask: Path | None
) -> tuple[Region, ...]:
    """Read the regions that are asked for: "auto", "X,Y,W,H" or four whole numbers, one of these or several.

    None asks for none. VeraError for what is malformed, lies outside of the frame or is named twice, and for "auto"
    without a mask that says where.
    """
    found: list[Region] = []
    for one in each_region(asked):
        region = _auto(clip, edited, mask) if one == AUTO else _fixed(one, clip)
        if any(region.asked == other.asked for other in found):
            raise VeraError(f"the region {region.asked} is given twice: give it once")
        found.append(region)
    return tuple(found)


def each_region(asked: Any) -> Sequence[Any]:
    """What is asked for, one by one. VeraError for what is no region."""
    if asked is None:
        return ()
    if isinstance(asked, str):
        return (asked,)
    if not isinstance(asked, Sequence):
        raise VeraError(f'region is "auto", "X,Y,W,H", four numbers, or several of these, not {brief(asked)}')
    one = len(asked) > 0 and not any(isinstance(part, str | Sequence) for part in asked)
    return (asked,) if one else asked


def _fixed(one: RegionLike, clip: Clip) -> Region:
    """The region of four numbers; VeraError unless it lies in the frame."""
    if isinstance(one, str):
        match = _BOX.fullmatch(one.replace(" ", ""))
        numbers = [] if match is None else [int(number) for number in match.groups()]
    else:
        whole = all(isinstance(part, Integral) and not isinstance(part, bool) for part in one)
        numbers = [int(part) for part in one] if whole else []
    if len(numbers) != 4:
        raise VeraError(f"a region is X,Y,W,H in whole pixels, such as 960,540,640,480, or auto, not {brief(one)}")
    x, y, width, height = numbers
    asked = f"{x},{y},{width},{height}"
    if width < 1 or height < 1:
        raise VeraError(f"the region {asked} is empty: width and height are at least 1")
    full_width, full_height = clip.display_size
    if x < 0 or y < 0 or x + width > full_width or y + height > full_height:
        raise VeraError(f"the region {asked} reaches out of the frame, which is {full_width}x{full_height}")
    return Region(asked, (Box(x, y, width, height),))


def _auto(clip: Clip, edited: range, mask: Path | None) -> Region:
    """The region that a mask tells of."""
    if mask is None:
        raise VeraError("the region auto is where a mask says: give --mask, or the region as X,Y,W,H")
    full = clip.display_size
    shrink = min(1.0, MASK_SIDE / max(full))
    size = max(1, round(full[0] * shrink)), max(1, round(full[1] * shrink))
    scale = np.array([full[0] / size[0], full[1] / size[1]] * 2)
    edges = _island(_edges(mask, size, edited, clip), size, mask) * scale
    return Region(AUTO, follow(edges, full))


def _edges(path: Path, size: tuple[int, int], edited: range, clip: Clip) -> Iterator[NDArray[np.float64]]:
    """`[2,4]` of each mask frame: left, top, right and bottom of its white and of its black; NaN where there is none.

    Of a still image once.
    """
    last = edited.start + 1 if is_still(path, clip) else edited.stop
    with closing(mask_frames(path, *size, clip)) as frames:
        for mask in islice(frames, edited.start, last):
            yield np.stack([_around(mask), _around(~mask)])


def _around(marked: NDArray[np.bool_]) -> NDArray[np.float64]:
    x, y, width, height = cv2.boundingRect(marked.view(np.uint8))
    return np.array([x, y, x + width, y + height], float) if width else np.full(4, np.nan)


def _island(edges: Iterator[NDArray[np.float64]], size: tuple[int, int], mask: Path) -> NDArray[np.float64]:
    """`[T,4]`: the box outside of which the mask is of one colour, which is the same in all frames.

    So it is a subject in white, which an edit clings to, as well as a black hole that it is to fill.
    """
    both = np.stack(list(edges), axis=1)
    whole = np.array([0, 0, *size], float)
    for boxes, other in zip(both, ("black", "white"), strict=True):
        if np.isnan(boxes).all():
            raise VeraError(
                f"mask {mask}: is all {other}, which tells of no region: give it as X,Y,W,H, or leave it out"
            )
    areas = [np.nanmean((box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1])) for box in both]
    found = both[int(np.argmin(areas))]
    if (found[~np.isnan(found[:, 0])] == whole).all():
        raise VeraError(
            f"mask {mask}: its white and its black both reach over the whole frame, which tells of no region: "
            "give it as X,Y,W,H, or leave it out"
        )
    return np.asarray(found)


def follow(edges: NDArray[np.float64], frame: tuple[int, int]) -> tuple[Box, ...]:
    """Boxes of one size that hold boxes `[T,4]` (left, top, right, bottom) in a `frame` and move smoothly.

    Rows of NaN are bridged. One box for all frames where it need hardly be larger: a picture that stands still is the
    easier one for a model.
    """
    known = np.flatnonzero(~np.isnan(edges[:, 0]))
    left, top, right, bottom = edges[known].T
    union = Box(left.min(), top.min(), right.max() - left.min(), bottom.max() - top.min())
    times = np.arange(len(edges))
    middles = np.stack([(left + right) / 2, (top + bottom) / 2], axis=-1)
    path = np.stack([_smooth(np.interp(times, known, axis)) for axis in middles.T], axis=-1)
    ahead = np.maximum(edges[known, 2:] - path[known], path[known] - edges[known, :2]).max(axis=0)
    width, height = np.minimum(2 * ahead, frame)
    if union.width <= STILL * width and union.height <= STILL * height:
        return (union,)
    corners = np.clip(path - (width / 2, height / 2), 0, np.array(frame) - (width, height))
    return tuple(Box(float(x), float(y), float(width), float(height)) for x, y in corners)


def _smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """A Gaussian mean over time; at either end the path goes on as it went."""
    reach = math.ceil(3 * SMOOTH)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / SMOOTH) ** 2)
    padded = (
        np.pad(values, reach, mode="reflect", reflect_type="odd") if len(values) > 1 else np.pad(values, reach, "edge")
    )
    return np.convolve(padded, weights / weights.sum(), mode="valid")
