"""What an object does to the scene about it: shadows and reflections that move with it over the background.

`python -m benchmarks.construction` prints what the numbers here give as alpha and seen, and `python -m
benchmarks.construction_parallax [--film]` what of a shadow is found, and of effects that there are not.
"""

import cv2
import numpy as np

from vera.arrays import Float
from vera.construction.embedded.background_median import (
    LEAST,
    Background,
    enlarged,
    find_backgrounds,
    halved,
    shown_from,
)
from vera.construction.embedded.camera import CameraTrack
from vera.construction.embedded.plate import holes_of
from vera.construction.embedded.regions import Frames, Mask, grown
from vera.construction.embedded.shaded import darkened_evenly
from vera.video.view import spread_frames

MOST = 25  # frames that the background is taken from
# Parts of the frame's height about the object that are left out of the background, the widest first: a shadow that
# stays within one of them is seen against its like only in the next.
REACHES = 1 / 4, 1 / 8, 0.0
BRIGHT = 0.8  # quantile: shadows darken, so that of what a place looks like the brighter is without
DARK = 0.98  # of the background's brightness: below, something may be a shadow
NEUTRAL = 0.08  # difference of two channels' shares of light in a shadow
# Before a camera that travels, what lies nearer and farther changes as well. There, shadows alone are looked for.
ONE_PLANE = 1.5  # codes that frames differ from the background, away from the object; more is parallax
CUT = 20.0  # codes: what differs by more is something else
DARKEST = 0.1  # quantile: what a place looks like when something darker than it has passed
BELOW = 6.0  # codes that a shadow is darker than that
SMALLEST = 24  # pixels of its even inside
RIM = 4  # pixels about the inside that it reaches


def find_effects(frames: Frames, masks: Mask, camera: CameraTrack) -> Mask:
    """Where the background about the object differs from itself at other times: bool `[T,H,W]`, without the object.

    What hangs together with the object counts, and of what lies apart that which darkens all colours alike. Where the
    background is not one plane, only shadows count. A shadow that never leaves a place, nor fades, is not seen.
    """
    holes = holes_of(masks)
    small, covered, small_camera = halved(frames, holes, camera)
    reached = [np.stack([grown(hole, round(reach * small.shape[1])) for hole in covered]) for reach in REACHES]
    chosen, near = spread_frames(len(frames), MOST), reached[0]
    background, darkest = find_backgrounds(small, small_camera, reached, lambda _: chosen, (BRIGHT, DARKEST))
    changes = background.changes(small, ~near | covered)
    if _distance(small, background, ~near) > ONE_PLANE:
        changes = _shadows(changes, small, covered, background, darkest)
    effects = np.zeros_like(covered)
    for t in np.flatnonzero(masks.any((1, 2))):
        changed = changes[t]
        labels = cv2.connectedComponents((changed | covered[t]).view(np.uint8))[1]
        touching = np.isin(labels, np.unique(labels[covered[t]]))
        shadow = _darkened(small[t], background.pictures[t])
        share = np.bincount(labels.ravel(), shadow.ravel()) / np.maximum(np.bincount(labels.ravel()), 1)
        effects[t] = changed & (touching | (share > 0.5)[labels])
    revealed = _revealed(effects, covered, small_camera)
    return np.stack([enlarged(effect, frames.shape[2:0:-1]) for effect in revealed]) & ~holes


def _distance(frames: Frames, background: Background, where: Mask) -> float:
    """Mean distance in codes of the frames from the background, `where` it is known; 0 if nowhere."""
    known = where & (background.evidence >= LEAST)
    off = np.abs(frames[known] - background.pictures[known]).mean(-1)
    return float(np.minimum(off, CUT).mean()) if off.size else 0.0


def _shadows(changes: Mask, frames: Frames, holes: Mask, background: Background, darkest: Background) -> Mask:
    """What of the `changes` is shadow: evenly darker than the background, and darker than what has passed there."""
    found = np.zeros_like(changes)
    for t in np.flatnonzero(changes.any((1, 2))):
        frame, pictures = frames[t].astype(np.float32), background.pictures[t]
        least = cv2.GaussianBlur(darkest.pictures[t] - frame, (0, 0), 1.0).mean(-1)
        even = darkened_evenly(frame, pictures, (background.evidence[t] >= LEAST) & ~holes[t])
        inside = (changes[t] & even & (least > BELOW)).view(np.uint8)
        labels, parts = cv2.connectedComponentsWithStats(inside)[1:3]
        inside &= (parts[:, cv2.CC_STAT_AREA] >= SMALLEST)[labels]
        found[t] = inside.astype(bool) | (grown(inside.astype(bool), RIM) & changes[t] & _darkened(frame, pictures))
    return found


def _revealed(effects: Mask, holes: Mask, camera: CameraTrack) -> Mask:
    """Those connected effects under most of which some frame shows the background: for others a plate would invent."""
    hidden, found = effects | holes, np.zeros_like(effects)
    chosen = spread_frames(len(effects), MOST)
    for t in map(int, np.flatnonzero(effects.any((1, 2)))):
        shown = np.any([shown_from(hidden[s], camera.between(s, t)) for s in chosen], axis=0)
        labels = cv2.connectedComponents(effects[t].view(np.uint8))[1]
        kept = np.bincount(labels.ravel(), shown.ravel()) > 0.5 * np.bincount(labels.ravel())
        kept[0] = False
        found[t] = kept[labels]
    return found


def _darkened(frame: Frames | Float, background: Float) -> Mask:
    """Where all channels of `frame` `[H,W,3]` have about the same share of the background's light, less than all."""
    share = (cv2.GaussianBlur(frame.astype(np.float32), (0, 0), 1.0) + 2) / (background + 2)
    return np.asarray((share.mean(-1) < DARK) & (np.ptp(share, axis=-1) < NEUTRAL))
