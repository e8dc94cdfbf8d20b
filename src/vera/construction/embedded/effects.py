"""What an object does to the scene about it: shadows and reflections that move with it over the background."""

import cv2
import numpy as np

from vera.construction.embedded.camera import CameraTrack
from vera.construction.embedded.mosaic import mosaic
from vera.construction.embedded.plate import holes_of
from vera.construction.embedded.regions import Frames, Mask, grown

CHANGED = 5.0  # differences from the mosaic, in noise
SEEN = 3  # frames that a median is believed from
REACH = 1 / 4  # of the frame's height: farther from the object, nothing is its effect


def find_effects(frames: Frames, masks: Mask, camera: CameraTrack) -> Mask:
    """Where the background about the object differs from itself at other times: bool `[T,H,W]`, without the object.

    Only what hangs together with the object counts. A shadow that never leaves a place is not seen.
    """
    holes = holes_of(masks)
    differences, levels = (background := mosaic(frames, camera, holes)).differences(frames)
    reach = round(REACH * frames.shape[1])
    found = np.zeros_like(masks)
    for t, hole in enumerate(holes):
        if not masks[t].any():
            continue
        strength = np.sqrt(np.square(differences[t]).mean(-1))
        changed = (strength > CHANGED * levels[t]) & (background.evidence[t] >= SEEN)
        opened = cv2.morphologyEx(changed.view(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)) > 0
        _, labels = cv2.connectedComponents((opened | hole).view(np.uint8))
        touching = np.unique(labels[hole])
        found[t] = np.isin(labels, touching[touching > 0]) & grown(masks[t], reach) & ~hole
    return found
