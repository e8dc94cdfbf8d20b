"""One picture of all the background a clip shows, looked at from each of its frames."""

from typing import NamedTuple

import cv2
import numpy as np

from vera.arrays import Float
from vera.construction.embedded.camera import CameraTrack
from vera.construction.embedded.plate import masked_median
from vera.construction.embedded.regions import Frames, Mask
from vera.layers.layerize.noise import smoothed_difference
from vera.video.view import spread_frames

MOST = 25  # frames that a median is taken of
LEAST = 2  # frames that a difference is believed from: one frame's median is itself
LEAST_LEVEL = 1 / 255  # noise of a difference from a median, rounding and re-sampling
FARTHEST = 1.0  # of a frame's size, that the mosaic goes beyond the first frame to each side


class Mosaic(NamedTuple):
    """The background without what moves, as each frame sees it: `pictures` float32 `[T,H,W,3]` in [0,255], and the
    number of frames it is the median of, `evidence` float32 `[T,H,W]`."""

    pictures: Float
    evidence: Float

    def differences(self, frames: Frames) -> tuple[Float, Float]:
        """How much each frame differs: smoothed `[T,H,W,3]`, in [-1,1], and its noise level `[T]`, a deviation."""
        found = np.stack(
            [
                smoothed_difference(picture / np.float32(255), frame / np.float32(255))
                for picture, frame in zip(self.pictures, frames, strict=True)
            ]
        )
        found[self.evidence < LEAST] = 0
        strength = np.sqrt(np.square(found).mean(-1))
        levels = [
            1.4826 * float(np.median(each[seen >= LEAST])) if (seen >= LEAST).any() else 0.0
            for each, seen in zip(strength, self.evidence, strict=True)
        ]
        return found, np.maximum(np.asarray(levels, np.float32), np.float32(LEAST_LEVEL))


def mosaic(frames: Frames, camera: CameraTrack, holes: Mask | None = None) -> Mosaic:
    """Median of up to `MOST` frames of a clip `[T,H,W,3]`, without what `holes` `[T,H,W]` mark, on one canvas."""
    height, width = frames.shape[1:3]
    corners = np.array([[[0, 0]], [[width, 0]], [[width, height]], [[0, height]]], np.float64)
    places = np.concatenate([cv2.perspectiveTransform(corners, matrix)[:, 0] for matrix in camera.to_first])
    far = np.array([width, height]) * FARTHEST
    low = np.floor(places.min(0)).clip(-far, 0)
    high = np.ceil(places.max(0)).clip(np.array([width, height]), np.array([width, height]) + far)
    size = int(high[0] - low[0]), int(high[1] - low[1])
    shift = np.array([[1, 0, -low[0]], [0, 1, -low[1]], [0, 0, 1.0]])
    chosen = spread_frames(len(frames), MOST)
    pictures, shown = [], []
    for s in chosen:
        matrix = shift @ camera.to_first[s]
        clear = np.full((height, width), 255, np.uint8) if holes is None else np.where(holes[s], 0, 255)
        pictures.append(cv2.warpPerspective(frames[s], matrix, size))
        shown.append(cv2.warpPerspective(clear.astype(np.uint8), matrix, size) == 255)
    median, count = masked_median(np.stack(pictures), np.stack(shown)), np.stack(shown).sum(0, dtype=np.float32)
    count = cv2.erode(count, np.ones((3, 3), np.uint8))  # what lies beside the unseen is mixed with it by re-sampling
    views = [np.linalg.inv(shift @ matrix) for matrix in camera.to_first]
    return Mosaic(
        np.stack([cv2.warpPerspective(median, view, (width, height)) for view in views]),
        np.stack([cv2.warpPerspective(count, view, (width, height)) for view in views]),
    )
