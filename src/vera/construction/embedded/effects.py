"""What an object does to the scene about it: shadows and reflections that move with it over the background."""

import cv2
import numpy as np

from vera.arrays import Float
from vera.construction.embedded.camera import CameraTrack
from vera.construction.embedded.mosaic import Mosaic, mosaic
from vera.construction.embedded.plate import holes_of
from vera.construction.embedded.regions import Frames, Mask, grown
from vera.layers.layerize.difference import find_changes

SEEN = 3  # frames that a median is believed from
# Parts of the frame's height about the object that are left out of the background's median, the widest first: a shadow
# that stays within one of them is seen against its like only in the next.
REACHES = 1 / 4, 1 / 8, 0.0
SHRINK = 2  # effects are smooth, and noise counts less
DARK = 0.98  # of the background's brightness: below, something may be a shadow
NEUTRAL = 0.08  # difference of two channels' shares of light in a shadow


def find_effects(frames: Frames, masks: Mask, camera: CameraTrack) -> Mask:
    """Where the background about the object differs from itself at other times: bool `[T,H,W]`, without the object.

    What hangs together with the object counts, and of what lies apart that which darkens all colours alike. A shadow
    that never leaves a place is not seen.
    """
    height, width = frames.shape[1:3]
    holes = holes_of(masks)
    size = width // SHRINK, height // SHRINK
    small = np.stack([cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in frames])
    covered = (
        np.stack([cv2.resize(hole.view(np.uint8) * 255, size, interpolation=cv2.INTER_AREA) for hole in holes]) > 0
    )
    background = _background(small, covered, camera.scaled(size[0] / width, size[1] / height))
    differences, levels = background.differences(small)
    found = np.zeros_like(masks)
    for t in np.flatnonzero(masks.any((1, 2))):
        near = grown(covered[t], round(REACHES[0] * size[1]))
        kept = ~near | covered[t] | (background.evidence[t] < SEEN)
        level = np.full(near.shape, levels[t], np.float32)
        changed = find_changes(np.where(kept[..., None], np.float32(0), differences[t]), level) & ~kept
        labels = cv2.connectedComponents((changed | covered[t]).view(np.uint8))[1]
        touching = np.isin(labels, np.unique(labels[covered[t]]))
        shadow = _darkened(small[t], background.pictures[t])
        share = np.bincount(labels.ravel(), shadow.ravel()) / np.maximum(np.bincount(labels.ravel()), 1)
        effect = changed & (touching | (share > 0.5)[labels])
        found[t] = (cv2.resize(effect.view(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST) > 0) & ~holes[t]
    return found


def _background(frames: Frames, holes: Mask, camera: CameraTrack) -> Mosaic:
    """The background from frames in which the object is far from a pixel, or, if there are too few, less far."""
    height = frames.shape[1]
    pictures, evidence = np.zeros(frames.shape, np.float32), np.zeros(holes.shape, np.float32)
    for reach in REACHES:
        left_out = np.stack([grown(hole, round(reach * height)) for hole in holes])
        found = mosaic(frames, camera, left_out)
        needed = evidence < SEEN
        pictures[needed], evidence[needed] = found.pictures[needed], found.evidence[needed]
    return Mosaic(pictures, evidence)


def _darkened(frame: Frames, background: Float) -> Mask:
    """Where all channels of `frame` `[H,W,3]` have about the same share of the background's light, less than all."""
    share = (cv2.GaussianBlur(frame.astype(np.float32), (0, 0), 1.0) + 2) / (background + 2)
    return np.asarray((share.mean(-1) < DARK) & (np.ptp(share, axis=-1) < NEUTRAL))
