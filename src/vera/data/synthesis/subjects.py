"""Subjects that no word names, and the rough masks that point at them."""

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.data.synthesis.assets import SPRITE_SIZE, crop


def blob(photo: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A smooth random shape cut out of `photo`: uint8 `[h,w,4]`, straight alpha."""
    angle = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    harmonics = np.arange(1, 6)[:, None]
    waves = np.cos(harmonics * angle + rng.uniform(0, 2 * np.pi, (5, 1)))
    radius = 0.34 * SPRITE_SIZE * (1 + (rng.normal(0, 0.28, (5, 1)) / harmonics * waves).sum(0))
    points = SPRITE_SIZE / 2 + np.stack([np.cos(angle) * rng.uniform(0.5, 1), np.sin(angle)], axis=-1) * radius[:, None]
    alpha = np.zeros((SPRITE_SIZE, SPRITE_SIZE), np.uint8)
    cv2.fillPoly(alpha, [points.clip(2, SPRITE_SIZE - 3).round().astype(np.int32)], 255, lineType=cv2.LINE_AA)
    top = int(rng.integers(photo.shape[0] - SPRITE_SIZE))
    left = int(rng.integers(photo.shape[1] - SPRITE_SIZE))
    texture = photo[top : top + SPRITE_SIZE, left : left + SPRITE_SIZE]
    return crop(np.concatenate([texture, alpha[..., None]], axis=-1))


def rough_mask(kept: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.uint8]:
    """What a person might paint over `kept` `[T,H,W]`: 255 on the subject, grown or shrunk by a few pixels."""
    radius = int(rng.integers(-2, 5))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * abs(radius) + 1,) * 2)
    change = cv2.dilate if radius > 0 else cv2.erode
    return np.stack([change(frame.astype(np.uint8) * 255, kernel) for frame in kept])
