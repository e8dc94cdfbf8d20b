"""The camera of a clip: how it pans, zooms and shakes over a flat scene, and the blur that this leaves."""

from collections.abc import Sequence
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.arrays import Float

Picture = TypeVar("Picture", NDArray[np.uint8], NDArray[np.float32])

# The scene is drawn this much larger than the frame, which the camera does not leave.
MARGIN = 1.25
# Camera paths and how often each is drawn.
PATHS = {"still": 0.3, "pan": 0.25, "zoom": 0.15, "hand": 0.3}


def plan_camera(frames: int, height: int, width: int, rng: np.random.Generator) -> Float:
    """Affine matrices `[T,2,3]` from a place in the scene to its place in each frame, both in pixels of the frame.

    In the middle of the clip the camera is where the frame is the middle of the scene.
    """
    t = np.arange(frames) - (frames - 1) / 2
    path = str(rng.choice(list(PATHS), p=list(PATHS.values())))
    angle = rng.uniform(0, 2 * np.pi)
    shift = np.zeros((frames, 2))
    zoom = np.ones(frames)
    roll = np.zeros(frames)
    if path == "pan":
        speed = rng.uniform(0.002, 0.009) * width
        shift += t[:, None] * speed * np.array([np.cos(angle), 0.4 * np.sin(angle)])
    elif path == "zoom":
        zoom *= np.exp(t * rng.uniform(0.002, 0.007) * rng.choice([-1, 1]))
    if path == "hand":
        sway = np.sin(2 * np.pi * (t[:, None] / rng.uniform(14, 40, 3) + rng.random(3)))
        tremor = np.sin(2 * np.pi * (t[:, None] / rng.uniform(3, 6, 3) + rng.random(3)))
        both = (sway + rng.uniform(0, 0.3) * tremor) * rng.uniform(0.3, 1)
        shift += 0.02 * width * both[:, :2]
        roll += 0.012 * both[:, 2]
    reach = (MARGIN - 1) / 2 * 0.8
    shift = shift.clip([-reach * width, -reach * height], [reach * width, reach * height])
    zoom = zoom.clip(0.95, 1.12)
    cos, sin = zoom * np.cos(roll), zoom * np.sin(roll)
    x, y = (width - 1) / 2, (height - 1) / 2
    linear = np.stack([np.stack([cos, -sin], -1), np.stack([sin, cos], -1)], -2)
    offset = np.array([x, y]) - linear @ np.array([x, y]) + shift
    return np.concatenate([linear, offset[..., None]], axis=-1).astype(np.float32)


def film(scenes: Sequence[Picture], camera: Float, height: int, width: int, shutter: float) -> Picture:
    """What `camera` sees of flat scenes, `MARGIN` times as large as the frame: `[T,height,width,C]` of their dtype.

    `scenes` are all of one shape, one for each frame or the same for all. `shutter` is the share of a frame's time
    that light falls in.
    """
    rows, columns, channels = scenes[0].shape
    corner = np.array([(columns - width) / 2, (rows - height) / 2])
    seen: Picture = np.empty((len(camera), height, width, channels), scenes[0].dtype)
    blurs = blur_kernels(move(camera, np.array([width / 2, height / 2])), shutter)
    for t, (frame, matrix, kernel) in enumerate(zip(seen, camera, blurs, strict=True)):
        # From the scene's own pixels, whose corner lies outside of the frame.
        shifted = matrix.copy()
        shifted[:, 2] -= matrix[:, :2] @ corner
        scene = scenes[t % len(scenes)]
        cv2.warpAffine(
            scene, shifted, (width, height), frame, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
        )
        if kernel is not None:
            cv2.filter2D(frame, -1, kernel, frame, borderType=cv2.BORDER_REPLICATE)
    return seen


def move(matrices: Float, points: NDArray[np.floating]) -> NDArray[np.float64]:
    """`points` `[2]` or `[T,2]` under affine `matrices` `[T,2,3]`: `[T,2]`."""
    points = np.broadcast_to(points, (len(matrices), 2))
    return np.asarray((matrices[:, :, :2] @ points[:, :, None])[..., 0] + matrices[:, :, 2], np.float64)


def chain(outer: Float, inner: Float) -> Float:
    """The affine matrices `[...,2,3]` that do `inner` first and `outer` after it."""
    linear = outer[..., :2] @ inner[..., :2]
    offset = outer[..., :2] @ inner[..., 2:] + outer[..., 2:]
    return np.concatenate([linear, offset], axis=-1).astype(np.float32)


def blur_kernels(positions: NDArray[np.float64], shutter: float) -> list[Float | None]:
    """For each frame the box blur along the way of a point, None where it moves less than a pixel."""
    if len(positions) == 1 or shutter == 0:
        return [None] * len(positions)
    ways = np.gradient(positions, axis=0) * shutter
    return [_line(way) if np.hypot(*way) > 1 else None for way in ways]


def _line(way: NDArray[np.float64]) -> Float:
    radius = int(np.ceil(np.abs(way).max() / 2)) + 1
    kernel = np.zeros((2 * radius + 1, 2 * radius + 1), np.float32)
    for part in np.linspace(-0.5, 0.5, 4 * radius + 1):
        x, y = radius + part * way
        column, row = int(x), int(y)
        right, down = x - column, y - row
        kernel[row : row + 2, column : column + 2] += np.outer([1 - down, down], [1 - right, right])
    return np.asarray(kernel / kernel.sum(), np.float32)
