"""A sprite in motion with its contact shadow, as a premultiplied layer."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.data.synthesis.assets import SPRITE_SIZE
from vera.data.synthesis.instructions import COLORS

# Heights as a share of the frame's shorter side; centres as a share of the width.
HEIGHTS = {"small": (0.24, 0.34), "medium": (0.4, 0.6), "large": (0.65, 0.85)}
CENTERS = {"left": (0.14, 0.30), "center": (0.42, 0.58), "right": (0.70, 0.86)}


@dataclass(frozen=True)
class Track:
    """Where a sprite is in each frame: centre `[T,2]` (x, y) and height in pixels, angle in radians, ground line y."""

    centers: NDArray[np.float64]
    height: float
    angles: NDArray[np.float64]
    ground: float


def plan_track(
    place: str, size: str, motion: str, frames: int, height: int, width: int, rng: np.random.Generator
) -> Track:
    """A path that keeps what the words say: the clip-mean centre lies in the named third."""
    sprite_height = rng.uniform(*HEIGHTS[size]) * min(height, width)
    x = rng.uniform(*CENTERS[place]) * width
    ground = rng.uniform(0.62, 0.95) * height
    y = max(ground - 0.46 * sprite_height, 0.52 * sprite_height)
    t = np.arange(frames) - (frames - 1) / 2
    centers = np.tile([x, y], (frames, 1))
    angles = np.full(frames, rng.normal(0, 0.05))
    if motion in ("left", "right"):
        speed = rng.uniform(0.004, 0.009) * width
        centers[:, 0] += t * (speed if motion == "right" else -speed)
    elif motion == "bounce":
        phase = np.pi * ((t + rng.uniform(0, 12)) / rng.uniform(8, 14))
        centers[:, 1] -= np.abs(np.sin(phase)) * rng.uniform(0.08, 0.2) * height
    elif motion == "spin":
        angles = angles + t * rng.uniform(0.06, 0.15) * rng.choice([-1, 1])
    return Track(centers, sprite_height, angles, y + 0.46 * sprite_height)


def tint(rgba: NDArray[np.uint8], color: str) -> NDArray[np.uint8]:
    """The sprite with every hue replaced by `color`, its light and shade kept."""
    hsv = cv2.cvtColor(np.ascontiguousarray(rgba[..., :3]), cv2.COLOR_RGB2HSV)
    hsv[..., 0] = COLORS[color]
    hsv[..., 1] = np.maximum(hsv[..., 1], 140)
    return np.concatenate([cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), rgba[..., 3:]], axis=-1)


def render_sprite(
    rgba: NDArray[np.uint8], track: Track, height: int, width: int, flip: bool = False
) -> NDArray[np.float32]:
    """The sprite along its track: premultiplied RGBA float32 `[T,H,W,4]` in [0,1]."""
    sprite = rgba[:, ::-1] if flip else rgba
    scale = track.height / SPRITE_SIZE
    if scale < 0.6:  # bilinear warping alone would alias
        sprite = cv2.resize(sprite, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    scale = track.height / sprite.shape[0]
    texture = sprite.astype(np.float32) / 255
    texture[..., :3] *= texture[..., 3:]
    middle = (sprite.shape[0] - 1) / 2
    layer = np.empty((len(track.centers), height, width, 4), np.float32)
    for t, (x, y) in enumerate(track.centers):
        cos, sin = scale * np.cos(track.angles[t]), scale * np.sin(track.angles[t])
        matrix = np.array([[cos, -sin, x - (cos - sin) * middle], [sin, cos, y - (sin + cos) * middle]])
        layer[t] = cv2.warpAffine(texture, matrix, (width, height), flags=cv2.INTER_LINEAR)
    return layer


def contact_shadow(track: Track, height: int, width: int, strength: float) -> NDArray[np.float32]:
    """The alpha `[T,H,W]` of a soft dark ellipse on the ground, fainter and wider as the sprite rises above it."""
    x = np.arange(width, dtype=np.float32)[None, :]
    y = np.arange(height, dtype=np.float32)[:, None]
    shadow = np.empty((len(track.centers), height, width), np.float32)
    for t, (center_x, center_y) in enumerate(track.centers):
        rise = max(track.ground - center_y - 0.46 * track.height, 0.0) / track.height
        radius = 0.42 * track.height * (1 + 0.8 * rise)
        distance = np.hypot((x - center_x) / radius, (y - track.ground) / (0.22 * radius))
        shadow[t] = strength / (1 + 2 * rise) * np.clip(1.35 - distance, 0, 1) ** 1.5
    return np.minimum(shadow, strength)
