"""Renders in clips: as they were rendered, filmed by a moving camera, or as a cut-out with its shadow elsewhere."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.arrays import Float
from vera.data.synthesis.camera import MARGIN, Picture
from vera.data.synthesis.records import RenderRecord, Views, read_records, read_views
from vera.errors import VeraError
from vera.layers.refine.extend import extend_colors


@dataclass(frozen=True)
class Cutout:
    """Views of a thing, all of one shape: `pictures` uint8 `[h,w,4]`, straight alpha, one or more.

    `casts` are the alphas of their rendered shadows, uint8, wherein pixel `corner` (x, y) is the pictures' first; None
    where shadows are to be made up.
    """

    pictures: list[NDArray[np.uint8]]
    casts: list[NDArray[np.uint8]] | None = None
    corner: tuple[int, int] = (0, 0)


class Renders:
    """The renders in `folder` that training may see, or (`held_out`) those that it may not.

    Raises VeraError for a folder without any.
    """

    def __init__(self, folder: Path, held_out: bool) -> None:
        self.folder = folder
        self.records = [record for record in read_records(folder) if record.spec.held_out == held_out]
        if not self.records:
            raise VeraError(f"no {'held-out ' if held_out else ''}renders in {folder}: run `vera data render` first")
        self.by_model: dict[str, list[RenderRecord]] = {}
        for record in self.records:
            self.by_model.setdefault(record.spec.model, []).append(record)

    def views(self, index: int) -> Views:
        """The pictures of record `index`; the last few stay in memory."""
        return _cached_views(self.folder, index)


_cached_views = lru_cache(maxsize=64)(read_views)


def fits(record: RenderRecord, height: int, width: int) -> bool:
    """Whether the render can be filmed as it is: the frame has its shape, about."""
    return abs(width / height / (record.spec.width / record.spec.height) - 1) < 0.05


def is_whole(views: Views) -> bool:
    """Whether the thing ends inside of the render in every view: only then can it be cut out."""
    covered = views.coverage.max(0) > 8
    return not (covered[[0, -1]].any() or covered[:, [0, -1]].any())


def scene_of(picture: Picture, height: int, width: int) -> Picture:
    """A render's picture as the scene for frames of `height` x `width`."""
    size = (round(width * MARGIN), round(height * MARGIN))
    if picture.shape[1::-1] == size:
        return picture
    smaller = size[0] < picture.shape[1]
    resized: Picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
    return resized


def layer_scene(edit: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> Float:
    """Premultiplied RGBA `[H,W,4]` in [0,1], which may be filmed and resized."""
    matte = alpha[..., None] / np.float32(255)
    return np.concatenate([edit * (matte / 255), matte], axis=-1)


def shadow_alpha(shadow: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """From the share of light kept away to the alpha of black that darkens as much in display values."""
    table = np.rint(255 - 255 * (1 - np.arange(256) / 255) ** (1 / 2.2)).astype(np.uint8)
    return table[shadow]


def cut_out(views: Views, chosen: list[int]) -> Cutout:
    """The thing and its shadow, free of their plate, in the views `chosen`."""
    top, bottom, left, right = _bounds(views.coverage[chosen])
    width, height = right - left, bottom - top
    # Room for the shadow, empty where the render ends.
    side, above, below = width, height // 2, height // 3
    pictures, casts = [], []
    for view in chosen:
        coverage = views.coverage[view]
        own = (coverage >= 250).astype(np.float32)
        colors = extend_colors(views.full[view] * (own / 255)[..., None], own)
        rgba = np.concatenate([(colors * 255).clip(0, 255).astype(np.uint8), coverage[..., None]], axis=-1)
        pictures.append(np.ascontiguousarray(rgba[top:bottom, left:right]))
        ground = (coverage == 0).astype(np.float32)
        shade = shadow_alpha(views.shadow[view]) * ground
        # Shadow goes on under the thing, and is let go where the room for it ends.
        shade = extend_colors(np.repeat(shade[..., None], 3, axis=-1), ground)[..., 0]
        room = cv2.copyMakeBorder(shade, above, below, side, side, cv2.BORDER_CONSTANT, value=0)
        room = room[top : bottom + above + below, left : right + 2 * side]
        casts.append((room * _fade(*room.shape)).clip(0, 255).astype(np.uint8))
    return Cutout(pictures, casts, (side, above))


def _bounds(coverage: NDArray[np.uint8]) -> tuple[int, int, int, int]:
    x, y, width, height = cv2.boundingRect((coverage.max(0) > 8).astype(np.uint8))
    return y, y + height, x, x + width


def _fade(rows: int, columns: int) -> Float:
    """1 in the middle, falling to 0 over the outer fifth."""
    y, x = (np.minimum(1, 5 * (0.5 - np.abs((np.arange(n) + 0.5) / n - 0.5)) * 2) for n in (rows, columns))
    return np.outer(y, x).astype(np.float32)
