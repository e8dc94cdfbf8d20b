"""The camera of a clip as one homography a frame, from what stands still in it, and how far that holds."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.construction.embedded.regions import Frames, Mask, grown
from vera.layers.refine.motion import grey

Matrices = NDArray[np.float64]

BESIDE = 4  # pixels about the mask whose corners belong to the object's edge
FEWEST = 12  # tracks that a homography is fitted on: it has 8 unknowns
AGREE = 1.0  # pixels from the homography up to which a track belongs to it


@dataclass(frozen=True)
class CameraTrack:
    """How a clip's frames lie in its first one.

    Args:
        to_first: `[T,3,3]`, from a pixel (x, y, 1) of frame t to its place in frame 0.
        residual: mean share of tracks more than a pixel beside the homography of two neighbouring frames; parallax,
            or much that moves, makes it large. 1 for frames without enough tracks.
    """

    to_first: Matrices
    residual: float

    def between(self, source: int, target: int) -> Matrices:
        """The homography `[3,3]` from pixels of frame `source` to pixels of frame `target`."""
        matrix = np.linalg.solve(self.to_first[target], self.to_first[source])
        return np.asarray(matrix / matrix[2, 2])


def track_camera(frames: Frames, masks: Mask | None = None) -> CameraTrack:
    """Find the homographies of a clip `[T,H,W,3]` from corners outside of `masks` `[T,H,W]`.

    Corners are followed from frame to frame (Lucas and Kanade, 1981) and fitted robustly (MAGSAC, Barath et al., 2019).
    A frame in which too few can be followed is taken to lie where the one before it does.
    """
    greys = [grey(frame) for frame in frames]
    to_first, residuals = [np.eye(3)], []
    for t in range(1, len(frames)):
        allowed = None if masks is None else ~grown(masks[t - 1], BESIDE)
        step, residual = _step(greys[t - 1], greys[t], allowed)
        to_first.append(to_first[-1] @ step)
        residuals.append(residual)
    return CameraTrack(np.stack(to_first), float(np.mean(residuals)) if residuals else 0.0)


def _step(before: Frames, after: Frames, allowed: Mask | None) -> tuple[Matrices, float]:
    """The homography from `after` to `before`, and the share of tracks beside it."""
    mask = None if allowed is None else allowed.view(np.uint8)
    corners = cv2.goodFeaturesToTrack(before, 400, 0.005, 6, mask=mask)
    if corners is None or len(corners) < FEWEST:
        return np.eye(3), 1.0
    tracked, found, _ = cv2.calcOpticalFlowPyrLK(before, after, corners, None, winSize=(21, 21), maxLevel=3)
    kept = found.ravel() == 1
    if kept.sum() < FEWEST:
        return np.eye(3), 1.0
    matrix, agrees = cv2.findHomography(tracked[kept], corners[kept], cv2.USAC_MAGSAC, AGREE)
    if matrix is None:
        return np.eye(3), 1.0
    return np.asarray(matrix, np.float64), 1 - float(agrees.mean())
