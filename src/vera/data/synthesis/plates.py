"""The flat scenes that a camera films: a window of a photograph, or a perspective view into a panorama."""

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.data.synthesis.assets import Panorama
from vera.data.synthesis.camera import MARGIN
from vera.data.synthesis.held_out import draw_yaw


def photo_scene(photo: NDArray[np.uint8], height: int, width: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A window of `photo` for frames of `height` x `width`: uint8 `[MARGIN*height, MARGIN*width, 3]`."""
    rows, columns = round(height * MARGIN), round(width * MARGIN)
    largest = min(photo.shape[0] / rows, photo.shape[1] / columns)
    zoom = largest * rng.uniform(0.65, 1)
    window = (min(photo.shape[0], round(zoom * rows)), min(photo.shape[1], round(zoom * columns)))
    top = int(rng.integers(photo.shape[0] - window[0] + 1))
    left = int(rng.integers(photo.shape[1] - window[1] + 1))
    scene = photo[top : top + window[0], left : left + window[1]]
    if rng.random() < 0.5:
        scene = scene[:, ::-1]
    scene = cv2.resize(scene, (columns, rows), interpolation=cv2.INTER_AREA if zoom > 1 else cv2.INTER_LINEAR)
    # Mild changes of colour and brightness make few photographs go further.
    return _gain(scene, rng.uniform(0.75, 1.2) * rng.uniform(0.93, 1.07, 3))


def panorama_scene(
    panorama: Panorama, height: int, width: int, rng: np.random.Generator, held_out: bool
) -> NDArray[np.uint8]:
    """What a camera inside `panorama` sees, as `photo_scene`; from the held-out sector or from the rest."""
    rows, columns = round(height * MARGIN), round(width * MARGIN)
    focal = 0.5 * max(width, height) / np.tan(np.radians(rng.uniform(60, 88)) / 2)
    pitch = np.radians(rng.uniform(-10, 3))
    x, y = np.meshgrid(np.arange(columns) - (columns - 1) / 2, np.arange(rows) - (rows - 1) / 2)
    down = y * np.cos(pitch) - focal * np.sin(pitch)
    forward = focal * np.cos(pitch) + y * np.sin(pitch)
    azimuth = np.arctan2(x, forward)
    elevation = np.arctan2(down, np.hypot(x, forward))
    yaw = draw_yaw(rng, float(azimuth.max()), held_out)
    panorama_rows, panorama_columns = panorama.rgb.shape[:2]
    map_x = ((azimuth + yaw) / (2 * np.pi) + 0.5) % 1 * panorama_columns - 0.5
    map_y = (elevation / np.pi + 0.5) * panorama_rows - 0.5
    scene = cv2.remap(
        panorama.rgb,
        map_x.astype(np.float32),
        map_y.astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_WRAP,
    )
    return _gain(scene, np.full(3, rng.uniform(0.85, 1.1)))


def _gain(scene: NDArray[np.uint8], gain: NDArray[np.float64]) -> NDArray[np.uint8]:
    table = np.clip(np.arange(256)[:, None] * gain, 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(np.ascontiguousarray(scene), table.reshape(1, 256, 3)), np.uint8)
