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
EXACT = 0.02  # pixels: corners are not followed better than that
SHARED = 0.6  # of a key frame's area: with less in view, a new key frame follows


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

    def scaled(self, right: float, down: float) -> "CameraTrack":
        """The same camera for frames that many times as wide and high."""
        scale = np.array([right, down, 1.0])
        return CameraTrack(self.to_first * scale[:, None] / scale, self.residual)


def track_camera(frames: Frames, masks: Mask | None = None) -> CameraTrack:
    """Find the homographies of a clip `[T,H,W,3]` from corners outside of `masks` `[T,H,W]`.

    Corners are followed from frame to frame (Lucas and Kanade, 1981) and fitted robustly (MAGSAC, Barath et al., 2019),
    then once more against a key frame, so that errors add up over key frames only. A frame in which too few can be
    followed is taken to lie where the one before it does.
    """
    greys = [grey(frame) for frame in frames]
    free = [np.ones(greys[0].shape, bool)] * len(greys) if masks is None else [~grown(mask, BESIDE) for mask in masks]
    to_first, residuals, key = [np.eye(3)], [], 0
    for t in range(1, len(greys)):
        step, residual = _fit(greys[t - 1], greys[t], free[t - 1])
        residuals.append(residual)
        to_key = np.asarray(np.linalg.solve(to_first[key], to_first[-1] @ step), np.float64)
        placed, seen = _placed(greys[t], free[t], to_key)
        if key < t - 1 and residual < 1:
            correction, beside = _fit(greys[key], placed, free[key] & seen)
            to_key = correction @ to_key if beside < 1 else to_key
        to_first.append(to_first[key] @ to_key)
        if seen.mean() < SHARED:
            key = t
    return CameraTrack(np.stack([matrix / matrix[2, 2] for matrix in to_first]), float(np.mean(residuals or [0.0])))


def _placed(picture: Frames, free: Mask, matrix: Matrices) -> tuple[Frames, Mask]:
    """`picture` moved by `matrix`, and where it then shows what is `free` in it."""
    size = picture.shape[1], picture.shape[0]
    moved = cv2.warpPerspective(picture, matrix, size, flags=cv2.INTER_CUBIC)
    return moved, cv2.warpPerspective(free.view(np.uint8) * np.uint8(255), matrix, size) == 255


def _fit(before: Frames, after: Frames, allowed: Mask) -> tuple[Matrices, float]:
    """The matrix from `after` to `before`, and the share of tracks beside it; identity and 1 where too few are."""
    nothing = np.eye(3), 1.0
    corners = cv2.goodFeaturesToTrack(before, 400, 0.005, 6, mask=allowed.view(np.uint8))
    if corners is None or len(corners) < FEWEST:
        return nothing
    tracked, found, _ = cv2.calcOpticalFlowPyrLK(before, after, corners, None, winSize=(21, 21), maxLevel=3)
    kept = found.ravel() == 1
    if kept.sum() < FEWEST:
        return nothing
    matrix, agrees = cv2.findHomography(tracked[kept], corners[kept], cv2.USAC_MAGSAC, AGREE)
    if matrix is None or agrees.sum() < FEWEST:
        return nothing
    inside = agrees.ravel() == 1
    return _simplest(tracked[kept][inside, 0], corners[kept][inside, 0]), 1 - float(inside.mean())


def _simplest(points: NDArray[np.float32], targets: NDArray[np.float32]) -> Matrices:
    """The motion with the fewest unknowns that explains the tracks as well (Bayesian information criterion): none, a
    shift, a similarity, an affine map or a homography. What tracks do not tell drifts."""
    shift = np.eye(3)
    shift[:2, 2] = (targets - points).mean(0)
    models = [(0, np.eye(3)), (2, shift)]
    for unknowns, estimate in ((4, cv2.estimateAffinePartial2D), (6, cv2.estimateAffine2D)):
        matrix = estimate(points, targets, method=cv2.LMEDS)[0]
        if matrix is not None:
            models.append((unknowns, np.vstack([matrix, [0, 0, 1]])))
    models.append((8, cv2.findHomography(points, targets, 0)[0]))
    models = [(unknowns, matrix) for unknowns, matrix in models if matrix is not None]
    count = 2 * len(points)

    def cost(model: tuple[int, Matrices]) -> float:
        placed = cv2.perspectiveTransform(points[:, None].astype(np.float64), model[1])[:, 0]
        error = np.square(placed - targets).sum() / count + EXACT**2
        return float(count * np.log(error) + model[0] * np.log(count))

    return np.asarray(min(models, key=cost)[1], np.float64)
