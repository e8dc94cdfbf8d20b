"""The clips of a case, frame by frame: source, results, zoom boxes and differences, as the published Figure 7 has them.

Every method is a strip of three tiles: its picture, a zoom box of it, its difference from the source. The source is the
first strip, without a difference. Strips stand side by side, `ACROSS` in a row.
"""

from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.errors import VeraError
from vera.evaluation.reports.run.heat import OUTSIDE, difference, heat_map
from vera.video import Clip, model_view, open_clip

ACROSS = 5  # the source and four methods
SAMPLED = 12  # frames that the zoom box and the still are chosen by
ZOOM = 3  # times
AREA = 320 * 180  # pixels of a tile
LONGEST = 1280  # of a frame that differences are taken of: larger ones are reduced first
Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Box:
    """A part of a frame, as shares of its width and height."""

    left: float
    top: float
    size: float = 1 / ZOOM

    def of(self, picture: Picture) -> Picture:
        """Cut it out of a picture `[H,W,...]`."""
        high, wide = picture.shape[:2]
        y, x = round(self.top * high), round(self.left * wide)
        return picture[y : y + max(1, round(self.size * high)), x : x + max(1, round(self.size * wide))]


@dataclass(frozen=True)
class CaseClips:
    """The clips of a case that can be read; `missing` says of the methods that have none why."""

    source: Clip
    results: Mapping[str, Clip]
    preserved: Clip | None
    missing: Mapping[str, str]
    size: tuple[int, int]  # of the pictures that differences are taken of
    tile: tuple[int, int]

    @property
    def frames(self) -> int:
        """How many frames are shown: as many as the longest result has, and no more than the source."""
        return min(self.source.frame_count, max((clip.frame_count for clip in self.results.values()), default=10**9))


def open_case(source: Path, results: Mapping[str, Path], preserved: Path | None, scale: float = 1.0) -> CaseClips:
    """Open a case's clips. VeraError for a source that cannot be read; a result that cannot is noted as missing."""
    clip = open_clip(source)
    opened, missing = dict[str, Clip](), dict[str, str]()
    for method, path in results.items():
        try:
            opened[method] = open_clip(path)
        except VeraError as error:
            missing[method] = str(error).replace(f"{path.parent}/", "")
    region = open_clip(preserved) if preserved is not None and preserved.is_file() else None
    wide, high = clip.display_size
    reduced = min(1.0, LONGEST / max(wide, high))
    aspect = wide * float(clip.display_aspect) / high
    tile = _even((AREA * aspect) ** 0.5 * scale), _even((AREA / aspect) ** 0.5 * scale)
    return CaseClips(clip, opened, region, missing, (round(wide * reduced), round(high * reduced)), tile)


@dataclass(frozen=True)
class Views:
    """A frame of a case: source, the results there are, and what is preserved (None: not known) `[H,W]`."""

    source: Picture
    results: Mapping[str, Picture]
    preserved: NDArray[np.bool_] | None

    def heat(self, method: str) -> NDArray[np.float32]:
        """Differences `[H,W]` in levels of 255, everywhere."""
        return difference(self.results[method], self.source)

    def preserved_heat(self) -> NDArray[np.float32]:
        """Mean difference of all results, 0 where nothing had to be preserved."""
        total = np.zeros(self.source.shape[:2], np.float32)
        for method in self.results:
            total += self.heat(method)
        if self.preserved is not None:
            total[~self.preserved] = 0
        return total / np.float32(max(1, len(self.results)))


def read_views(clips: CaseClips, wanted: set[int] | None = None) -> Iterator[Views]:
    """Read the frames of a case, all or the `wanted`; a result that has ended is left out."""
    with ExitStack() as opened:
        streams = {
            name: opened.enter_context(closing(_pictures(clip, clips.size, wanted)))
            for name, clip in clips.results.items()
        }
        region = clips.preserved and opened.enter_context(closing(_pictures(clips.preserved, clips.size, wanted)))
        source = opened.enter_context(closing(_pictures(clips.source, clips.size, wanted)))
        for picture in islice(source, clips.frames if wanted is None else len(wanted)):
            shown = {name: found for name, frames in streams.items() if (found := next(frames, None)) is not None}
            mask = next(region, None) if region else None
            yield Views(picture, shown, None if mask is None else mask[..., 1] >= 128)


def choose_box(clips: CaseClips) -> tuple[Box, int]:
    """Choose the zoom box and the frame of the still, where preserved pixels differ most.

    By sampled frames: the still is that with the largest mean difference of all methods, the box that where it is
    largest over all of them. Where nothing differs: the middle.
    """
    steps = np.unique(np.linspace(0, clips.frames - 1, SAMPLED).round().astype(int))
    heats = [views.preserved_heat() for views in read_views(clips, {int(step) for step in steps})]
    total = np.sum(heats, axis=0)
    high, wide = total.shape
    inner = max(1, high // ZOOM), max(1, wide // ZOOM)
    sums = cv2.boxFilter(
        total, -1, (inner[1], inner[0]), anchor=(0, 0), normalize=False, borderType=cv2.BORDER_CONSTANT
    )
    if not total.any():
        return Box((1 - 1 / ZOOM) / 2, (1 - 1 / ZOOM) / 2), int(steps[len(steps) // 2])
    inside = sums[: high - inner[0] + 1, : wide - inner[1] + 1]
    y, x = np.unravel_index(int(inside.argmax()), inside.shape)
    return Box(float(x) / wide, float(y) / high), int(steps[int(np.argmax([heat.mean() for heat in heats]))])


def sheet(views: Views, clips: CaseClips, methods: tuple[str, ...], box: Box) -> Picture:
    """Lay out a frame: uint8 RGB, strips of three tiles side by side; grey where there is no picture."""
    wide, high = clips.tile
    places = strip_places(len(methods))
    across, down = (1 + max(axis) for axis in zip(*places, strict=True))
    canvas = np.full((down * 3 * high, across * wide, 3), OUTSIDE, np.uint8)
    for (column, row), method in zip(places, (None, *methods), strict=True):
        picture = views.source if method is None else views.results.get(method)
        if picture is None:
            continue
        tiles = [_marked(_resize(picture, clips.tile), box), _resize(box.of(picture), clips.tile)]
        if method is not None:
            tiles.append(_resize(heat_map(views.heat(method), views.preserved), clips.tile))
        for number, tile in enumerate(tiles):
            top = (row * 3 + number) * high
            canvas[top : top + high, column * wide : (column + 1) * wide] = tile
    return canvas


def strip_places(methods: int) -> list[tuple[int, int]]:
    """Where the strips of the source and of so many methods stand: column and row."""
    return [(index % ACROSS, index // ACROSS) for index in range(1 + methods)]


def _pictures(clip: Clip, size: tuple[int, int], wanted: set[int] | None) -> Generator[Picture, None, None]:
    with clip.frames() as reader:
        for index, frame in enumerate(reader):
            if wanted is None or index in wanted:
                yield model_view(frame, *size, clip.orientation)


def _marked(tile: Picture, box: Box) -> Picture:
    """The tile with the box's outline: white, and black inside of it, to be seen on anything."""
    high, wide = tile.shape[:2]
    one = round(box.left * wide), round(box.top * high)
    two = round((box.left + box.size) * wide) - 1, round((box.top + box.size) * high) - 1
    marked = cv2.rectangle(tile.copy(), one, two, (255, 255, 255), 1)
    return np.asarray(cv2.rectangle(marked, (one[0] + 1, one[1] + 1), (two[0] - 1, two[1] - 1), (0, 0, 0), 1), np.uint8)


def _resize(picture: Picture, size: tuple[int, int]) -> Picture:
    smaller = size[0] < picture.shape[1]
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC), np.uint8)


def _even(length: float) -> int:
    return max(16, 2 * round(length / 2))
