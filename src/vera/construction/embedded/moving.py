"""What moves over the background, and masks of it from clicks: for things too fast for the picture's flow."""

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.construction.embedded.background_median import enlarged, find_backgrounds, halved
from vera.construction.embedded.camera import CameraTrack, track_camera
from vera.construction.embedded.regions import Frames, Mask, grown, shrunk, without_holes
from vera.construction.embedded.segment import Prompts, recut
from vera.layers.refine.motion import flow, grey, moved

SPAN = 14  # frames to either side that a median is taken of: longer, and parallax is a change, too
NEAR_CLICK = 8  # pixels from a click within which a moving part is meant
REACH = 12  # pixels beside its flow at which a part is still found
BEYOND = 2  # pixels that changes reach beyond the object
INSIDE = 0.4  # of a part, that must lie where the object is expected
SMALLEST = 60  # pixels of a part
ENDED = 1 / 500  # of the frame: an object that is smaller has left
LARGEST_HOLE = 1 / 250  # of the frame, in an object


def changes(frames: Frames, camera: CameraTrack, holes: Mask | None = None) -> Mask:
    """Where a clip `[T,H,W,3]` differs from the median of its registered neighbours beyond the noise: bool `[T,H,W]`.

    `holes` `[T,H,W]` are left out of the median, so that what stands there long is seen as changed, too.
    """
    left_out = np.zeros(frames.shape[:3], bool) if holes is None else holes
    small, covered, small_camera = halved(frames, left_out, camera)
    (background,) = find_backgrounds(small, small_camera, [covered], lambda t: _neighbours(t, len(frames)))
    return np.stack([enlarged(changed, frames.shape[2:0:-1]) for changed in background.changes(small, excused=True)])


def _neighbours(t: int, count: int) -> list[int]:
    """Every other frame of a stretch about `t`, which is the same length at the clip's ends."""
    first = max(0, min(t - SPAN, count - 1 - 2 * SPAN))
    return list(range(first, min(count, first + 2 * SPAN + 1), 2))


def track_moving(frames: Frames, prompts_by_frame: Mapping[int, Prompts]) -> Mask:
    """Masks `[T,H,W]` of an object that moves through a clip `[T,H,W,3]`, from a few clicks or boxes.

    Twice: what is found first is left out of the camera and of the background the second time.
    """
    picked = pick_moving(frames, changes(frames, track_camera(frames)), prompts_by_frame)
    return pick_moving(frames, changes(frames, track_camera(frames, picked), picked), prompts_by_frame)


def pick_moving(frames: Frames, changed: Mask, prompts_by_frame: Mapping[int, Prompts]) -> Mask:
    """Masks `[T,H,W]` of the object whose moving parts `prompts_by_frame` point at, followed both ways.

    `changed` `[T,H,W]` is what `changes` found. Clicks beside the object (`minus`) drop parts in their frame.
    """
    found = np.zeros_like(changed)
    labels = [cv2.connectedComponents(each.view(np.uint8))[1] for each in changed]
    for start, prompts in prompts_by_frame.items():
        if not prompts.plus and prompts.box is None:
            continue
        first = _pointed_at(labels[start], prompts)
        found[start] |= first
        for step in (1, -1):
            mask, t = first, start + step
            while 0 <= t < len(frames) and not _points(prompts_by_frame.get(t)):
                motion = flow(grey(frames[t]), grey(frames[t - step]))
                expected = grown(moved(mask.astype(np.float32), motion) > 0.5, REACH)
                mask = _parts_in(labels[t], expected) & ~_refused(labels[t], prompts_by_frame.get(t))
                if mask.sum() < ENDED * mask.size:
                    break
                found[t] |= mask
                t += step
    # Differences are smoothed: they reach beyond the object.
    whole = [shrunk(without_holes(mask, LARGEST_HOLE), BEYOND) for mask in found]
    return np.stack([recut(frame, mask.astype(np.float32)) for frame, mask in zip(frames, whole, strict=True)])


def _points(prompts: Prompts | None) -> bool:
    return prompts is not None and (bool(prompts.plus) or prompts.box is not None)


def _pointed_at(labels: NDArray[np.int32], prompts: Prompts) -> Mask:
    wanted: set[int] = set()
    for x, y in prompts.plus:
        near = _inside(x - NEAR_CLICK, y - NEAR_CLICK, 2 * NEAR_CLICK + 1, 2 * NEAR_CLICK + 1)
        wanted.update(np.unique(labels[near]))
    picked = np.isin(labels, list(wanted - {0}))
    if prompts.box is not None:
        boxed = np.zeros(labels.shape, bool)
        boxed[_inside(*prompts.box)] = True
        picked |= _parts_in(labels, boxed)
    return np.asarray(picked & ~_refused(labels, prompts))


def _parts_in(labels: NDArray[np.int32], region: Mask) -> Mask:
    """The labelled parts that are large enough and lie in `region` to a good share."""
    count = int(labels.max()) + 1
    areas = np.bincount(labels.ravel(), minlength=count)
    inside = np.bincount(labels[region], minlength=count)
    kept = (inside > INSIDE * areas) & (areas > SMALLEST)
    kept[0] = False
    return np.asarray(kept[labels])


def _refused(labels: NDArray[np.int32], prompts: Prompts | None) -> Mask:
    points = () if prompts is None else prompts.minus
    found = [int(label) for x, y in points for label in labels[_inside(x, y, 1, 1)].ravel()]
    return np.isin(labels, [label for label in found if label])


def _inside(x: int, y: int, width: int, height: int) -> tuple[slice, slice]:
    """What of a box is in the picture: of one beside it, nothing."""
    return slice(max(0, y), max(0, y + height)), slice(max(0, x), max(0, x + width))
