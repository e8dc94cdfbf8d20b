"""Objects that a person might want lifted out of a clip, found without one: what crosses the background."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import cv2
import numpy as np

from vera.construction.embedded.camera import CameraTrack, track_camera
from vera.construction.embedded.moving import changes
from vera.construction.embedded.regions import Frames, Mask, overlap, without_holes
from vera.construction.embedded.segment import recut
from vera.layers.refine.motion import flow, grey, moved

SIZES = 0.005, 0.4  # of the frame: what an object's area must be
MARGIN = 3  # pixels from the frame's border within which an object may be cut off
SAME = 0.2  # overlap with where the object was expected
GROWN = 0.7  # of an object's usual area: from there it is wholly seen
LASTING = 0.1  # least score: what is shorter is a flicker
APART = 4  # frames from box to box of an object
LARGEST_HOLE = 1 / 250  # of the frame, in an object


@dataclass(frozen=True)
class Proposal:
    """A candidate object.

    Args:
        score: the share of the clip's frames in which it is found, wholly inside counting full and cut off half.
        frame: the first in which it is whole.
        mask: bool `[H,W]` of that frame.
        boxes: x, y, width and height of where it was seen in its full size, by frame, every few frames.
    """

    score: float
    frame: int
    mask: Mask
    boxes: Mapping[int, tuple[int, int, int, int]]


@dataclass
class _Sighting:
    """An object followed so far."""

    masks: dict[int, Mask] = field(default_factory=dict)


def propose_objects(frames: Frames, camera: CameraTrack | None = None, most: int = 5) -> list[Proposal]:
    """Find up to `most` objects that move over the background of a clip `[T,H,W,3]`, the best first.

    A candidate is a connected part of what differs from the median of the registered frames, and is linked from frame
    to frame by the picture's flow. What stands still, or fills the frame, is not found.
    """
    camera = track_camera(frames) if camera is None else camera
    open_ones: list[_Sighting] = []
    done: list[_Sighting] = []
    for t, changed in enumerate(changes(frames, camera)):
        motion = flow(grey(frames[t]), grey(frames[t - 1])) if open_ones else None
        parts = _parts(changed)
        going_on: list[_Sighting] = []
        for seen in open_ones:
            assert motion is not None
            expected = moved(seen.masks[t - 1].astype(np.float32), motion) > 0.5
            overlaps = [overlap(part, expected) for part in parts]
            if overlaps and max(overlaps) > SAME:
                seen.masks[t] = parts.pop(int(np.argmax(overlaps)))
                going_on.append(seen)
            else:
                done.append(seen)
        open_ones = going_on + [_Sighting({t: part}) for part in parts]
    proposals = [_proposal(frames, seen) for seen in done + open_ones]
    lasting = [proposal for proposal in proposals if proposal.score >= LASTING]
    return sorted(lasting, key=lambda proposal: -proposal.score)[:most]


def _parts(changed: Mask) -> list[Mask]:
    """Connected parts of an object's size."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(changed.view(np.uint8))
    areas = stats[:, cv2.CC_STAT_AREA] / changed.size
    return [without_holes(labels == i, LARGEST_HOLE) for i in range(1, len(areas)) if SIZES[0] <= areas[i] <= SIZES[1]]


def _proposal(frames: Frames, seen: _Sighting) -> Proposal:
    whole = {t: _is_inside(mask) for t, mask in seen.masks.items()}
    usual = float(np.median([mask.sum() for mask in seen.masks.values()]))
    large = [t for t, mask in seen.masks.items() if mask.sum() >= GROWN * usual]
    frame = next((t for t in large if whole[t]), max(seen.masks, key=lambda t: int(seen.masks[t].sum())))
    score = sum(1.0 if inside else 0.5 for inside in whole.values()) / len(frames)
    boxes = {t: _box(seen.masks[t]) for t in large if t == frame or t % APART == 0}
    return Proposal(score, frame, recut(frames[frame], seen.masks[frame].astype(np.float32)), boxes)


def _box(mask: Mask) -> tuple[int, int, int, int]:
    x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
    return x, y, width, height


def _is_inside(mask: Mask) -> bool:
    inner = np.pad(mask[MARGIN:-MARGIN, MARGIN:-MARGIN], MARGIN)
    return bool((mask == inner).all())
