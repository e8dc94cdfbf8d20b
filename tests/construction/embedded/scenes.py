"""A small clip whose layers are known: a disc that crosses a textured wall before a camera that pans."""

from typing import NamedTuple

import cv2
import numpy as np

from vera.construction.embedded import CameraTrack

SIZE = 96, 64  # width, height
COLOR = 220, 40, 30


class Scene(NamedTuple):
    """`clip` and `plate` uint8 `[T,H,W,3]`, the disc's `alpha` float32 `[T,H,W]`, its shadow's, and the camera."""

    clip: np.ndarray
    plate: np.ndarray
    alpha: np.ndarray
    shadow: np.ndarray
    camera: CameraTrack

    @property
    def masks(self) -> np.ndarray:
        return self.alpha > 0.5


def texture(width: int, height: int, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).uniform(60, 200, (height // 6 + 2, width // 6 + 2, 3)).astype(np.float32)
    return cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC).clip(0, 255)


def disc(x: float, y: float, radius: float) -> np.ndarray:
    rows, columns = np.mgrid[: SIZE[1], : SIZE[0]].astype(np.float32)
    return np.clip(radius - np.hypot(columns - x, rows - y) + 0.5, 0, 1)


def crossing(frames: int = 11, pan: int = 1, speed: float = 6.0, shade: float = 0.0, radius: float = 9.0) -> Scene:
    """The disc goes right by `speed` pixels a frame over a wall that goes left by `pan`.

    `shade` is the alpha of its shadow, a darker disc below it.
    """
    width, height = SIZE
    wall = texture(width + pan * frames + 8, height)
    plate = np.stack([wall[:, t * pan : t * pan + width] for t in range(frames)])
    places = [width / 2 + speed * (t - frames // 2) for t in range(frames)]
    alpha = np.stack([disc(x, 26, radius) for x in places])
    shadow = shade * np.stack([disc(x, 26 + 1.6 * radius, 0.8 * radius) for x in places])
    dark = plate * (1 - shadow * (1 - alpha))[..., None]
    clip = dark * (1 - alpha)[..., None] + alpha[..., None] * np.array(COLOR)
    to_first = np.stack([np.array([[1, 0, t * pan], [0, 1, 0], [0, 0, 1.0]]) for t in range(frames)])
    return Scene(
        np.rint(clip).astype(np.uint8), np.rint(plate).astype(np.uint8), alpha, shadow, CameraTrack(to_first, 0.0)
    )
