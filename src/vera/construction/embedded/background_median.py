"""The background of each frame without what moves: the registered frames' median, and how a frame differs from it."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.arrays import Float
from vera.construction.embedded.camera import CameraTrack, Matrices
from vera.construction.embedded.regions import Frames, Mask
from vera.layers.layerize.difference import find_changes
from vera.layers.layerize.noise import smoothed_difference
from vera.layers.layerize.smear import beyond_range, value_range

SHRINK = 2  # the background is looked at in half the size: noise and camera errors count less
LEAST = 3  # frames that a median is believed from
LEAST_LEVEL = 1 / 255  # noise of a difference from a median: rounding and re-sampling


class Background(NamedTuple):
    """What stands behind, as each frame sees it: `pictures` float32 `[T,h,w,3]` in [0,255], and the number of frames
    they rest on, `evidence` int64 `[T,h,w]`."""

    pictures: Float
    evidence: NDArray[np.int64]

    def changes(self, frames: Frames, ignored: Mask | None = None, excused: bool = False) -> Mask:
        """Where `frames` `[T,h,w,3]` differ beyond noise: bool `[T,h,w]`, not in `ignored` nor without evidence.

        With `excused`, some of a part must have colours that the background has nowhere within a few pixels: parallax
        does not count, nor do faint shadows over a pattern.
        """
        found = np.zeros(self.evidence.shape, bool)
        for t, frame in enumerate(frames):
            left_out = self.evidence[t] < LEAST
            behind, seen = self.pictures[t] / np.float32(255), frame / np.float32(255)
            difference = smoothed_difference(behind, seen)
            beyond = beyond_range(behind, seen, value_range([behind], 0.0), 1.0) if excused else difference.copy()
            strength = np.sqrt(np.square(difference).mean(-1))[~left_out]
            level = max(LEAST_LEVEL, 1.4826 * float(np.median(strength)) if strength.size else 0.0)
            if ignored is not None:
                left_out |= ignored[t]
            difference[left_out], beyond[left_out] = 0, 0
            found[t] = find_changes(difference, np.full(frame.shape[:2], level, np.float32), beyond=beyond) & ~left_out
        return found


def find_backgrounds(
    frames: Frames,
    camera: CameraTrack,
    holes: Sequence[Mask],
    chosen: Callable[[int], Sequence[int]],
    quantiles: Sequence[float] = (0.5,),
) -> list[Background]:
    """The `quantiles` of what the frames `chosen(t)` show at each pixel of frame t, outside of `holes` `[T,h,w]`.

    Of several holes each counts where those before it leave fewer than `LEAST` frames.
    """
    pictures, evidence = np.zeros((len(quantiles), *frames.shape), np.float32), np.zeros(frames.shape[:3], np.int64)
    for t in range(len(frames)):
        places = {s: camera.between(s, t) for s in chosen(t)}
        size = frames.shape[2:0:-1]
        stack = np.stack([cv2.warpPerspective(frames[s], place, size) for s, place in places.items()])
        for left_out in holes:
            needed = evidence[t] < LEAST
            if not needed.any():
                break
            shown = np.stack([shown_from(left_out[s], place) for s, place in places.items()])
            pictures[:, t, needed] = masked_quantile(stack[:, needed], shown[:, needed], quantiles)
            evidence[t, needed] = shown.sum(0)[needed]
    return [Background(each, evidence) for each in pictures]


def placed(
    picture: Frames, matrix: Matrices, size: tuple[int, int], flags: int = cv2.INTER_LINEAR, field: Float | None = None
) -> Frames:
    """`picture` moved by `matrix` into one of `size` (width, height), whose pixels `field` `[h,w,2]` moves before."""
    if field is None:
        return np.asarray(cv2.warpPerspective(picture, matrix, size, flags=flags))
    grid = np.dstack(np.meshgrid(*(np.arange(side, dtype=np.float32) for side in size)))
    return np.asarray(cv2.remap(picture, cv2.perspectiveTransform(grid + field, np.linalg.inv(matrix)), None, flags))


def shown_from(hole: Mask, matrix: Matrices, size: tuple[int, int] | None = None, field: Float | None = None) -> Mask:
    """Where a frame `placed` in a picture of `size`, or its own, shows what is outside of its `hole`."""
    clear = (~hole).view(np.uint8) * np.uint8(255)
    return np.asarray(placed(clear, matrix, size or hole.shape[::-1], field=field) == 255)


def halved(frames: Frames, holes: Mask, camera: CameraTrack) -> tuple[Frames, Mask, CameraTrack]:
    """Clip, masks and camera in `1 / SHRINK` of the size; a pixel is in a mask if any of it is."""
    height, width = frames.shape[1:3]
    size = width // SHRINK, height // SHRINK
    small = np.stack([cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in frames])
    covered = [cv2.resize(hole.view(np.uint8) * np.uint8(255), size, interpolation=cv2.INTER_AREA) for hole in holes]
    return small, np.stack(covered) > 0, camera.scaled(size[0] / width, size[1] / height)


def enlarged(mask: Mask, size: tuple[int, int]) -> Mask:
    """`mask` in `size` (width, height)."""
    return np.asarray(cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_LINEAR) > 0.5)


def masked_quantile(pictures: Frames, shown: Mask, quantile: float | Sequence[float]) -> Float:
    """The `quantile` `[...,3]` over the first axis of `pictures` `[N,...,3]` where `shown` `[N,...]`; 0 where none is.

    Between two values it is their mean, so that 0.5 is the median. Several quantiles come in an axis of their own, the
    first.
    """
    count = shown.sum(0)
    values = np.where(shown[..., None], pictures, np.int16(256))  # above all codes, so that these are sorted last
    values.sort(axis=0)
    places = np.multiply.outer(np.atleast_1d(quantile), np.maximum(count, 1) - 1)
    low, high = (
        np.take_along_axis(values, end.astype(np.intp)[..., None], 0) for end in (np.floor(places), np.ceil(places))
    )
    found = np.where(count[..., None] > 0, (low + high) / np.float32(2), np.float32(0))
    return found if np.ndim(quantile) else found[0]
