"""Other backgrounds behind a kept subject, seen by the clip's own camera, and the layers that lead back to the clip."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.arrays import Float
from vera.construction.embedded.camera import CameraTrack
from vera.construction.embedded.regions import Frames, Mask
from vera.data.synthesis.compose import lay_over
from vera.optional import need

FAINT = 0.003  # square of the alpha below which noise, divided by it, would be loud in the edit


@dataclass(frozen=True)
class Replaced:
    """A background_replace sample whose target is a real clip.

    Args:
        source: the subject before another background, uint8 `[T,H,W,3]`.
        edit: the clip's own background, with the plate under the subject, made up for the source at soft edges.
        alpha: 1 - matte, uint8 `[T,H,W]`.
        composite: the edit laid over the source, from the bytes.
        distance: mean difference in codes of the composite and the clip where the matte is soft: 0 if it nowhere is.
    """

    source: Frames
    edit: Frames
    alpha: NDArray[np.uint8]
    composite: Frames
    distance: float


def replace_background(frames: Frames, mattes: Float, plate: Frames, background: Frames) -> Replaced:
    """Put the subject of a clip `[T,H,W,3]` before `background`, with the layers that bring its own one back.

    `mattes` `[T,H,W]` are the subject's, `plate` is the clip without it. At soft edges the subject's own colour is
    estimated (Germer et al., 2020), and the edit's is what makes the composite the clip, as after `decontaminate`: the
    source brings some of the other background along. Raises VeraError if pymatting is missing.
    """
    alpha = np.rint((1 - mattes) * 255).astype(np.uint8)
    source, edit, composite = (np.empty_like(frames) for _ in range(3))
    for t, coverage in enumerate(alpha):
        subject = _subject(frames[t], mattes[t])
        matte = mattes[t][..., None]
        source[t] = np.rint((matte * subject + (1 - matte) * background[t]).clip(0, 255))
        edit[t] = _behind(frames[t], source[t], plate[t], coverage)
        lay_over(source[t], edit[t], coverage, composite[t])
    soft = (alpha > 0) & (alpha < 255)
    distance = np.abs(composite[soft].astype(np.float32) - frames[soft]).mean() if soft.any() else 0.0
    return Replaced(source, edit, alpha, composite, float(distance))


def photo_scale(photo: Frames, camera: CameraTrack, size: tuple[int, int]) -> float:
    """How many times a photograph `[h,w,3]` is enlarged to cover all that the camera sees, in the first frame."""
    low, high = _seen_area(camera, size)
    width, height = high - low
    return float(max(width / photo.shape[1], height / photo.shape[0]))


def photo_background(photo: Frames, camera: CameraTrack, size: tuple[int, int]) -> Frames:
    """A photograph `[h,w,3]` filmed by `camera`: uint8 `[T,H,W,3]` of `size` (width, height).

    It covers all that the camera sees, cut to that shape, as a flat picture that stands where the first frame is.
    """
    return video_background(np.broadcast_to(photo, (len(camera.to_first), *photo.shape)), camera, size)


def video_background(video: Frames, camera: CameraTrack, size: tuple[int, int]) -> Frames:
    """A film `[T,h,w,3]` of a camera that stands, shown as `photo_background` shows a photograph: as if on a wall."""
    low, high = _seen_area(camera, size)
    scale = photo_scale(video[0], camera, size)
    sides = np.array([video.shape[2], video.shape[1]])
    left, top = (low + high) / 2 - scale * sides / 2
    place, smaller = np.array([[scale, 0, left], [0, scale, top], [0, 0, 1]]), None
    if scale < 1:  # warping alone would alias
        smaller = max(1, round(sides[0] * scale)), max(1, round(sides[1] * scale))
        place = np.array([[1, 0, left], [0, 1, top], [0, 0, 1]])
    views = []
    for picture, matrix in zip(video, camera.to_first, strict=True):
        shown = picture if smaller is None else cv2.resize(picture, smaller, interpolation=cv2.INTER_AREA)
        views.append(
            cv2.warpPerspective(
                shown, np.linalg.solve(matrix, place), size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
            )
        )
    return np.stack(views)


def panorama_background(
    panorama: Frames, camera: CameraTrack, size: tuple[int, int], yaw: float = 0.0, field_of_view: float = 60.0
) -> Frames:
    """An equirectangular panorama `[h,2h,3]` filmed by `camera`: uint8 `[T,H,W,3]` of `size` (width, height).

    The first frame looks along the horizon at `yaw` degrees, `field_of_view` degrees wide; the camera only turns.
    """
    width, height = size
    rows, columns = panorama.shape[:2]
    focal = width / 2 / np.tan(np.radians(field_of_view) / 2)
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    pixels = np.stack([x, y, np.ones_like(x)], -1).astype(np.float64)
    views = []
    for matrix in camera.to_first:
        at = pixels @ matrix.T
        right, down, ahead = (
            at[..., 0] - at[..., 2] * (width - 1) / 2,
            at[..., 1] - at[..., 2] * (height - 1) / 2,
            at[..., 2] * focal,
        )
        turn = np.arctan2(right, ahead) / (2 * np.pi) + yaw / 360 + 0.5
        tilt = np.arctan2(down, np.hypot(right, ahead)) / np.pi + 0.5
        places = (turn % 1 * columns - 0.5).astype(np.float32), (tilt * rows - 0.5).astype(np.float32)
        views.append(cv2.remap(panorama, *places, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP))
    return np.stack(views)


def _seen_area(camera: CameraTrack, size: tuple[int, int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Corners of the box about all that the camera sees, in pixels of the first frame."""
    width, height = size
    corners = np.array([[[0, 0]], [[width, 0]], [[width, height]], [[0, height]]], np.float64)
    places = np.concatenate([cv2.perspectiveTransform(corners, matrix)[:, 0] for matrix in camera.to_first])
    return places.min(0), places.max(0)


def _subject(frame: Frames, matte: Float) -> Float:
    """The subject's colours `[H,W,3]` in [0,255], without the background at its soft edges."""
    soft: Mask = (matte > 0) & (matte < 1)
    if not soft.any():
        return frame.astype(np.float32)
    pymatting = need("pymatting", "pymatting", "a subject's own colour", "construct")
    colors = np.asarray(pymatting.estimate_foreground_ml(frame / 255.0, matte.astype(np.float64)) * 255, np.float32)
    return np.where(soft[..., None], colors, frame)


def _behind(frame: Frames, source: Frames, plate: Frames, alpha: NDArray[np.uint8]) -> Frames:
    """The edit `[H,W,3]`: the least change of the plate under the subject with which `alpha` gives the frame."""
    weight = alpha[..., None] / np.float32(255)
    missing = frame - weight * plate - (1 - weight) * source
    change = np.where(weight < 1, weight / (np.square(weight) + FAINT) * missing, 0)
    return np.where(weight == 1, frame, np.rint((plate + change).clip(0, 255)).astype(np.uint8))
