"""Pictures with structure at all scales, as footage has it, and things laid over them."""

import cv2
import numpy as np

SIZE = (160, 96)


def plate(seed: int = 0, size: tuple[int, int] = SIZE, t: float = 0.0) -> np.ndarray:
    """RGB [H,W,3] float32 in [0,1]: noise of five octaves, a window that moves with `t` by two pixels a frame."""
    width, height = size
    rng = np.random.default_rng(seed)
    picture = np.zeros((height + 64, width + 64, 3), np.float32)
    for octave in range(1, 6):
        cell = 2**octave
        noise = rng.normal(0, 1, (picture.shape[0] // cell + 2, picture.shape[1] // cell + 2, 3)).astype(np.float32)
        noise = 0.6 * noise.mean(-1, keepdims=True) + 0.4 * noise
        picture += cv2.resize(noise, picture.shape[1::-1], interpolation=cv2.INTER_CUBIC) * 0.018 * cell**0.6
    left = 8 + round(2 * t)
    return (0.45 + picture[8 : 8 + height, left : left + width]).clip(0.02, 0.98)


def disc(size: tuple[int, int], x: float, y: float, radius: float, soft: float = 1.5) -> np.ndarray:
    """Alpha [H,W] float32."""
    rows, columns = np.mgrid[: size[1], : size[0]].astype(np.float32)
    return np.clip((radius - np.hypot(columns - x, rows - y)) / soft + 0.5, 0, 1)


def over(source: np.ndarray, edit: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    weight = alpha[..., None]
    return (weight * edit + (1 - weight) * source).astype(np.float32)
