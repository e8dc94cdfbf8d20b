"""A cut-out in motion with its shadows, as a premultiplied layer in the frames of a moving camera."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.arrays import Float
from vera.data.synthesis.camera import blur_kernels, chain, move
from vera.data.synthesis.vocabulary import COLORS

# Side of the square of the cut-out's area, as a share of the frame's shorter side; centres as a share of the width.
SIDES = {"small": (0.2, 0.3), "medium": (0.38, 0.54), "large": (0.62, 0.78)}
CELLS = {"small": 2.5, "medium": 4, "large": 6}  # the same side on a grid
CENTERS = {"left": (0.14, 0.30), "center": (0.42, 0.58), "right": (0.70, 0.86), "middle": (0.5, 0.5)}


@dataclass(frozen=True)
class Track:
    """Where a cut-out is in each frame, in pixels of the scene.

    `matrices` `[T,2,3]` take its own pixels to the scene; `feet` `[T,2]` is the place on the ground below
    its middle, `rise` `[T]` how high it is above it and `sizes` `[T]` its width in pixels of the scene.
    """

    matrices: Float
    feet: NDArray[np.float64]
    rise: NDArray[np.float64]
    sizes: NDArray[np.float64]


@dataclass(frozen=True)
class Light:
    """Of a clip: how dark contact and cast shadow are, and where the cast shadow of one unit of height falls (x, y)."""

    contact: float
    cast: float
    fall: tuple[float, float]
    softness: float


def plan_track(
    shape: tuple[int, int],
    place: str,
    size: str,
    motion: str,
    camera: Float,
    height: int,
    width: int,
    rng: np.random.Generator,
    grid: int | None = None,
    row: bool = False,
) -> Track:
    """A path for a cut-out of `shape` (height, width) that keeps the words: its mean centre lies in the named third.

    With `grid` the cut-out stands upright, in one size for each word, and its corner in the first frame is on a grid
    of so many pixels. A `row` of several things, which is wide, takes half of the frame's width at most and begins and
    ends inside of it.
    """
    rows, columns = shape
    frames = len(camera)
    t = np.arange(frames) - (frames - 1) / 2
    side = rng.uniform(*SIDES[size]) * min(height, width)
    if grid is not None:
        side = CELLS[size] * grid
    scale = min(side / np.sqrt(rows * columns), 0.92 * height / rows, (0.5 if row else 0.8) * width / columns)
    tall = scale * rows
    ground = np.clip(rng.uniform(0.66, 0.96) * height, tall + 0.02 * height, 0.98 * height)
    rise: NDArray[np.float64] = np.zeros(frames)
    scales = np.full(frames, scale)
    angles = np.full(frames, rng.normal(0, 0.04) if grid is None else 0.0)
    drift: NDArray[np.floating] = np.zeros(frames)
    if motion in ("left", "right"):
        drift = t * rng.uniform(0.004, 0.009) * width * (1 if motion == "right" else -1)
    elif motion == "bounce":
        phase = np.pi * ((t + rng.uniform(0, 12)) / rng.uniform(8, 14))
        rise = np.abs(np.sin(phase)) * rng.uniform(0.08, 0.2) * height
    elif motion == "spin":
        angles = angles + t * rng.uniform(0.06, 0.15) * rng.choice([-1, 1])
    elif motion == "sway":
        angles = angles + rng.uniform(0.12, 0.25) * np.sin(2 * np.pi * (t / rng.uniform(10, 18) + rng.random()))
    elif motion == "rise":
        rise = (t - t[0]) * rng.uniform(0.006, 0.013) * height
    elif motion == "approach":
        scales = scale * np.exp(t * rng.uniform(0.012, 0.025))
    # A turning cut-out turns about its middle, a swaying one about its feet.
    pivot = np.array([(columns - 1) / 2, rows - 1 if motion == "sway" else (rows - 1) / 2])
    cos, sin = scales * np.cos(angles), scales * np.sin(angles)
    linear = np.stack([np.stack([cos, -sin], -1), np.stack([sin, cos], -1)], -2)
    above = scales * (rows - 1 - pivot[1])  # from the pivot to the ground
    center = rng.uniform(*CENTERS[place]) * width
    if row:
        half = scale * columns / 2 + (grid or 0) / 2  # which the grid may shift it by
        center = np.clip(center, half, width - half)
    places = np.stack([center + drift, ground - rise - above], axis=-1)
    # Cameras move too: what counts is the mean place in the frame.
    wanted = places[:, 0].mean()
    places[:, 0] += wanted - move(camera, places)[:, 0].mean()
    offset = places - linear @ pivot
    feet = np.stack([places[:, 0], np.full(frames, ground)], axis=-1)
    if grid is not None:
        step = _onto_grid(offset[0], camera[0], grid)
        offset, feet = offset + step, feet + step
    matrices = np.concatenate([linear, offset[..., None]], axis=-1).astype(np.float32)
    return Track(matrices, feet, rise, scales * columns)


def plan_light(light: str, rng: np.random.Generator) -> Light:
    """The shadows that the words of a light ask for (a key of `vocabulary.LIGHTS`)."""
    side = {"left": 1.0, "right": -1.0}.get(light, float(rng.choice([-1, 1])))
    named = light != "plain"
    cast = rng.uniform(0.3, 0.55) if named or rng.random() < 0.55 else 0.0
    length = rng.uniform(0.9, 1.4) if light == "long" else rng.uniform(0.35, 0.9)
    # Behind what casts it, or a little in front, never a mere line.
    depth = rng.uniform(-0.3, -0.08) if rng.random() < 0.75 else rng.uniform(0.08, 0.14)
    fall = (side * length, depth)
    return Light(rng.uniform(0.25, 0.55), cast, fall, rng.uniform(0.02, 0.06))


def tint(rgba: NDArray[np.uint8], color: str) -> NDArray[np.uint8]:
    """The cut-out with every hue replaced by `color`, its light and shade kept."""
    hue = COLORS[color]
    if hue is None:
        grey = cv2.cvtColor(np.ascontiguousarray(rgba[..., :3]), cv2.COLOR_RGB2GRAY).astype(np.float32)
        shade = grey * 0.25 + 5 if color == "black" else 255 - (255 - grey) * 0.35
        rgb = np.repeat(shade[..., None], 3, axis=-1).astype(np.uint8)
    else:
        hsv = cv2.cvtColor(np.ascontiguousarray(rgba[..., :3]), cv2.COLOR_RGB2HSV)
        hsv[..., 0] = hue
        hsv[..., 1] = np.maximum(hsv[..., 1], 140)
        rgb = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)
    return np.concatenate([rgb, rgba[..., 3:]], axis=-1)


def side_by_side(rgba: NDArray[np.uint8], number: int) -> NDArray[np.uint8]:
    """A cut-out `[h,w,4]` `number` times in a row, an eighth of its width apart."""
    gap = np.zeros((rgba.shape[0], rgba.shape[1] // 8, 4), np.uint8)
    return np.concatenate([rgba, *[gap, rgba] * (number - 1)], axis=1)


def harmony(surroundings: NDArray[np.uint8], rng: np.random.Generator) -> Float:
    """The gain of each channel that takes a thing a part of the way to the light of `surroundings` `[h,w,3]`."""
    mean = surroundings.reshape(-1, 3).mean(0) / 255 + 0.02
    grey = float(mean.mean())
    brightness = np.clip((grey / 0.5) ** rng.uniform(0.15, 0.4), 0.55, 1.15)
    cast = np.clip((mean / grey) ** rng.uniform(0.2, 0.5), 0.75, 1.3)
    return np.asarray(brightness * cast, np.float32)


def harmonize(rgba: NDArray[np.uint8], gain: Float, light: str) -> NDArray[np.uint8]:
    """The cut-out under `gain` of each channel; with light from a side (`left`, `right`) that side is brighter."""
    if light in ("left", "right"):
        ramp = np.linspace(1.2, 0.65, rgba.shape[1], dtype=np.float32)[None, :, None]
        gain = gain * (ramp if light == "left" else ramp[:, ::-1])
    return np.concatenate([(rgba[..., :3] * gain).clip(0, 255).astype(np.uint8), rgba[..., 3:]], axis=-1)


def render_cutout(
    pictures: Sequence[NDArray[np.uint8]], track: Track, camera: Float, height: int, width: int, shutter: float
) -> Float:
    """The cut-out along its track: premultiplied RGBA float32 `[T,height,width,4]` in [0,1].

    `pictures` are all of one shape, one for each frame or the same for all.
    """
    step = _halvings(float(track.sizes.mean()) / pictures[0].shape[1])
    textures = {id(picture): _texture(picture, step) for picture in pictures}
    own = np.array([[step, 0, (step - 1) / 2], [0, step, (step - 1) / 2]], np.float32)
    matrices = chain(chain(camera, track.matrices), own)
    middle = np.array([pictures[0].shape[1] / 2, pictures[0].shape[0] / 2]) / step
    layer = np.zeros((len(camera), height, width, 4), np.float32)
    kernels = blur_kernels(move(matrices, middle), shutter)
    for t, (frame, matrix, kernel) in enumerate(zip(layer, matrices, kernels, strict=True)):
        texture = textures[id(pictures[t % len(pictures)])]
        pad = 1 if kernel is None else 1 + kernel.shape[0] // 2
        left, top, right, bottom = _bounds(matrix, texture.shape, pad, height, width)
        if right <= left or bottom <= top:
            continue
        shifted = matrix - np.array([[0, 0, left], [0, 0, top]], np.float32)
        part = cv2.warpAffine(texture, shifted, (right - left, bottom - top), flags=cv2.INTER_LINEAR)
        if kernel is not None:
            part = cv2.filter2D(part, -1, kernel, borderType=cv2.BORDER_CONSTANT)
        frame[top:bottom, left:right] = part
    return layer


def render_shadows(
    coverage: Sequence[NDArray[np.uint8]], track: Track, light: Light, camera: Float, height: int, width: int
) -> Float:
    """The alpha `[T,height,width]` of a cut-out's shadows on the ground: what touches it, and what the light casts.

    `coverage` are the alphas of its pictures. The cast shadow is the cut-out laid down along the light, blurred.
    """
    shadows = np.zeros((len(camera), height, width), np.float32)
    # Height above the ground becomes a way along it.
    ground = float(track.feet[0, 1])
    right, down = light.fall
    lay = np.array([[1, -right, right * ground], [0, -down, (1 + down) * ground]], np.float32)
    matrices = chain(chain(camera, lay), track.matrices)
    feet, zooms = move(camera, track.feet), np.hypot(camera[:, 0, 0], camera[:, 1, 0])
    for t, shadow in enumerate(shadows):
        size = float(track.sizes[t] * zooms[t])
        if light.cast > 0:
            picture = coverage[t % len(coverage)]
            sigma = max(0.6, light.softness * size)
            _cast(shadow, picture, matrices[t], sigma, light.cast)
        rise = float(track.rise[t]) / float(track.sizes[t])
        radius = 0.5 * size * (1 + 0.8 * rise)
        x, y = feet[t, 0] + right * track.rise[t] * zooms[t] * (light.cast > 0), feet[t, 1]
        _touch(shadow, x, y, radius, light.contact / (1 + 2 * rise))
    return shadows


def render_cast(
    pictures: Sequence[NDArray[np.uint8]],
    corner: tuple[int, int],
    shape: tuple[int, int],
    track: Track,
    camera: Float,
    height: int,
    width: int,
) -> Float:
    """The alpha `[T,height,width]` of shadows that were rendered with a cut-out, laid at its feet.

    `pictures` are their alphas, uint8, one for each frame or the same for all, whose pixel `corner` (x, y) is the first
    of the cut-out of `shape` (height, width). They fade as the cut-out rises.
    """
    rows, columns = shape
    scales = track.sizes / columns
    offset = track.feet - scales[:, None] * (np.array([(columns - 1) / 2, rows - 1]) + corner)
    linear = scales[:, None, None] * np.eye(2)
    matrices = chain(camera, np.concatenate([linear, offset[..., None]], axis=-1).astype(np.float32))
    shadows = np.empty((len(camera), height, width), np.float32)
    for t, shadow in enumerate(shadows):
        fade = 1 / (1 + 3 * track.rise[t] / track.sizes[t])
        laid = cv2.warpAffine(pictures[t % len(pictures)], matrices[t], (width, height), flags=cv2.INTER_AREA)
        np.multiply(laid, np.float32(fade / 255), out=shadow)
    return shadows


def _cast(shadow: Float, picture: NDArray[np.uint8], matrix: Float, sigma: float, strength: float) -> None:
    """Lay `picture` into `shadow` `[H,W]` by `matrix`, blurred."""
    height, width = shadow.shape
    left, top, right, bottom = _bounds(matrix, picture.shape, int(3 * sigma) + 1, height, width)
    if right <= left or bottom <= top:
        return
    shifted = matrix - np.array([[0, 0, left], [0, 0, top]], np.float32)
    part = cv2.warpAffine(picture, shifted, (right - left, bottom - top), flags=cv2.INTER_LINEAR)
    part = cv2.GaussianBlur(part, (0, 0), sigma)
    shadow[top:bottom, left:right] = part * np.float32(strength / 255)


def _touch(shadow: Float, x: float, y: float, radius: float, strength: float) -> None:
    """Put a soft dark ellipse about (x, y) into `shadow`, where it is not darker already."""
    height, width = shadow.shape
    left, right = max(0, int(x - 1.4 * radius)), min(width, int(x + 1.4 * radius) + 2)
    top, bottom = max(0, int(y - 0.3 * radius)), min(height, int(y + 0.3 * radius) + 2)
    if right <= left or bottom <= top:
        return
    columns = (np.arange(left, right, dtype=np.float32) - np.float32(x)) / np.float32(radius)
    rows = (np.arange(top, bottom, dtype=np.float32) - np.float32(y)) / np.float32(0.2 * radius)
    distance = np.sqrt(columns[None, :] ** 2 + rows[:, None] ** 2)
    ellipse = np.float32(strength) * np.clip(1.35 - distance, 0, 1) ** 1.5
    part = shadow[top:bottom, left:right]
    np.maximum(part, ellipse, out=part)


def _bounds(matrix: Float, shape: tuple[int, ...], pad: int, height: int, width: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of a picture of `shape` under `matrix`, padded, inside of the frame."""
    rows, columns = shape[:2]
    corners = np.array([[0, 0, 1], [columns, 0, 1], [0, rows, 1], [columns, rows, 1]], np.float32) @ matrix.T
    low = np.floor(corners.min(0)).astype(int) - pad
    high = np.ceil(corners.max(0)).astype(int) + pad + 1
    return max(0, low[0]), max(0, low[1]), min(width, high[0]), min(height, high[1])


def _onto_grid(corner: NDArray[np.float64], camera: Float, grid: int) -> NDArray[np.float64]:
    """The way (x, y) in the scene that takes `corner`, as `camera` `[2,3]` sees it, to the nearest column of the grid
    and up to the next row, or down to the first where the camera has moved it just out: what stands in the frame stays
    in it."""
    seen = move(camera[None], corner)[0]
    row = 0.0 if -grid <= seen[1] < 0 else np.floor(seen[1] / grid)
    goal = grid * np.array([np.round(seen[0] / grid), row])
    return np.asarray(np.linalg.solve(camera[:, :2], goal - seen), np.float64)


def _halvings(scale: float) -> int:
    """By how much to shrink a picture first, so that bilinear warping does not alias."""
    step = 1
    while scale * step < 0.6:
        step *= 2
    return step


def _texture(rgba: NDArray[np.uint8], step: int) -> Float:
    """Premultiplied float32 in [0,1], `step` times smaller."""
    texture = rgba.astype(np.float32) / 255
    texture[..., :3] *= texture[..., 3:]
    if step > 1:
        rows, columns = rgba.shape[0], rgba.shape[1]
        padded = np.pad(texture, ((0, -rows % step), (0, -columns % step), (0, 0)))
        texture = cv2.resize(padded, None, fx=1 / step, fy=1 / step, interpolation=cv2.INTER_AREA)
    return np.asarray(texture, np.float32)
