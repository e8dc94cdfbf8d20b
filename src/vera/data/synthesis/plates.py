"""Moving plates: a slow camera over a photograph or inside a panorama."""

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.data.synthesis.assets import Panorama


def photo_plate(
    photo: NDArray[np.uint8], frames: int, height: int, width: int, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """A window that pans and zooms over `photo`: uint8 `[T,H,W,3]`."""
    photo_height, photo_width = photo.shape[:2]
    largest = min(photo_height / height, photo_width / width)
    zoom = largest * rng.uniform(0.6, 0.97)
    zooms = zoom * np.linspace(1, rng.uniform(0.985, 1.015), frames)
    margin = np.array([photo_width - zoom * width, photo_height - zoom * height]) / 2
    start = rng.uniform(-1, 1, 2) * margin
    centers = np.array([photo_width, photo_height]) / 2 + start + _drift(frames, rng, 0.006 * photo_height)
    # Mild per-clip colour and brightness changes make few photographs go further.
    gain = rng.uniform(0.75, 1.2) * rng.uniform(0.93, 1.07, 3)
    flip = rng.random() < 0.5
    plate = np.empty((frames, height, width, 3), np.uint8)
    for t in range(frames):
        x, y = centers[t] - zooms[t] * np.array([width - 1, height - 1]) / 2
        matrix = np.array([[zooms[t], 0, x], [0, zooms[t], y]])
        view = cv2.warpAffine(
            photo, matrix, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REFLECT
        )
        plate[t] = view[:, ::-1] if flip else view
    return np.asarray(np.clip(plate * gain, 0, 255), np.uint8)


def panorama_plate(
    panorama: Panorama, frames: int, height: int, width: int, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """A perspective camera that turns slowly inside `panorama`: uint8 `[T,H,W,3]`."""
    focal = 0.5 * width / np.tan(np.radians(rng.uniform(70, 100)) / 2)
    yaws = rng.uniform(0, 2 * np.pi) + _drift(frames, rng, 0.012)[:, 0]
    pitch = np.radians(rng.uniform(-12, 4))
    x, y = np.meshgrid(np.arange(width) - (width - 1) / 2, np.arange(height) - (height - 1) / 2)
    down = y * np.cos(pitch) - focal * np.sin(pitch)
    forward = focal * np.cos(pitch) + y * np.sin(pitch)
    azimuth = np.arctan2(x, forward)
    elevation = np.arctan2(down, np.hypot(x, forward))
    rows, columns = panorama.rgb.shape[:2]
    map_y = ((elevation / np.pi + 0.5) * rows - 0.5).astype(np.float32)
    gain = rng.uniform(0.85, 1.1)
    plate = np.empty((frames, height, width, 3), np.uint8)
    for t in range(frames):
        map_x = (((azimuth + yaws[t]) / (2 * np.pi) % 1) * columns - 0.5).astype(np.float32)
        plate[t] = cv2.remap(panorama.rgb, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    return np.asarray(np.clip(plate * gain, 0, 255), np.uint8)


def _drift(frames: int, rng: np.random.Generator, speed: float) -> NDArray[np.float64]:
    """A smooth hand-held path `[T,2]`: constant velocity (a third of the clips: none) plus a slow sway."""
    t = np.arange(frames)[:, None]
    velocity = rng.normal(0, speed, 2) * (rng.random() > 1 / 3)
    sway = 0.5 * speed * np.sin(2 * np.pi * (t / rng.uniform(20, 60, 2) + rng.random(2)))
    return np.asarray(t * velocity + sway)
