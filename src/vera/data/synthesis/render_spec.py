"""What a render shows and from where: drawn from an index, before anything is loaded."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vera.data.synthesis.camera import MARGIN
from vera.data.synthesis.held_out import draw_yaw, is_combination_held_out
from vera.data.synthesis.objects import CENTERS, SIDES
from vera.data.synthesis.vocabulary import MODELS, PLACES, SCENES, SIZES, pick

TURN = np.radians(5.0)  # of a turntable, from view to view
TURNTABLES = 1 / 8  # share of the renders that are turntables, if there are to be several views
# Panoramas of rooms, whose floors may mirror a little.
ROOMS = ("apartment", "bridge", "esplanade", "hall", "lab", "lobby", "studio", "warehouse", "workshop")


@dataclass(frozen=True)
class RenderSpec:
    """What is rendered, for frames of `width` x `height`, drawn `MARGIN` times as large.

    `place`, `size` and `light` are keys of the tables in `vocabulary.py`, `panorama` of `SCENES`. `feet` is where the
    model stands, in pixels of the frame; `side` the side of the square of its area; `yaw`, `pitch` and `focal` (in
    pixels) are the camera's; `angles` those of the model, one a view. `gloss` is the floor's share of mirror, `key`
    the strength of a lamp beside the panorama's light and `key_direction` from where it shines.
    """

    index: int
    model: str
    noun: str
    place: str
    size: str
    light: str
    panorama: str
    held_out: bool
    width: int
    height: int
    feet: tuple[float, float]
    side: float
    yaw: float
    pitch: float
    focal: float
    angles: tuple[float, ...]
    gloss: float
    key: float
    key_direction: tuple[float, float, float]


def draw_spec(index: int, seed: int, width: int, height: int, views: int) -> RenderSpec:
    """Draw the spec of render `index`, in one view or as a turntable of `views`.

    Where its noun, place and size are held out together, its view of the panorama is too.
    """
    rng = np.random.default_rng((seed, index, 3))
    model = list(MODELS)[index % len(MODELS)]
    noun = MODELS[model][0]
    place = pick(tuple(PLACES), rng)
    size = str(rng.choice(list(SIZES), p=[0.2, 0.5, 0.3]))
    is_held_out = is_combination_held_out(noun, place, size)
    focal = 0.5 * max(width, height) / np.tan(np.radians(rng.uniform(55, 75)) / 2)
    half_view = np.arctan2(0.5 * MARGIN * width, focal * 0.9)
    side_light = pick(("left", "right"), rng)
    direction = np.array([-1.0 if side_light == "left" else 1.0, rng.uniform(0.5, 1.3), rng.uniform(-0.2, 0.7)])
    key = float(rng.uniform(0.3, 0.9)) if rng.random() < 0.6 else 0.0
    panorama = pick(tuple(SCENES), rng)
    is_polished = panorama in ROOMS and rng.random() < 0.7
    views = views if rng.random() < TURNTABLES else 1
    start, turn = rng.uniform(0, 2 * np.pi), TURN * rng.choice([-1, 1])
    return RenderSpec(
        index=index,
        model=model,
        noun=noun,
        place=place,
        size=size,
        light=side_light if key > 0 else "plain",
        panorama=panorama,
        held_out=is_held_out,
        width=width,
        height=height,
        feet=(float(rng.uniform(*CENTERS[place]) * width), float(rng.uniform(0.7, 0.93) * height)),
        side=float(rng.uniform(*SIDES[size]) * min(width, height)),
        yaw=draw_yaw(rng, float(half_view), is_held_out),
        pitch=float(np.radians(rng.uniform(4, 16))),
        focal=float(focal),
        angles=tuple(float(start + turn * view) for view in range(views)),
        gloss=float(rng.uniform(0.08, 0.22)) if is_polished else 0.0,
        key=key,
        key_direction=tuple((direction / np.linalg.norm(direction)).tolist()),
    )


@dataclass(frozen=True)
class Stand:
    """Where camera and model are: the camera `eye_height` above the ground at the origin, the model at `spot` on it.

    y is up and the camera looks along -z, `pitch` downward; the model's longest side is 1.
    """

    eye_height: float
    spot: NDArray[np.float64]


def stand(spec: RenderSpec, extent: NDArray[np.float64]) -> Stand:
    """Put a model of `extent` (width, height, depth) where `spec` wants it, in its size."""
    wide = 0.5 * (extent[0] + extent[2])
    pixels = spec.side / np.sqrt(wide * extent[1])  # for a length of 1
    pixels = min(pixels, 0.85 * spec.height / extent[1], 0.75 * spec.width / wide)
    # Feet are so low that the head stays in the frame.
    feet_y = float(np.clip(spec.feet[1], 0.04 * spec.height + pixels * extent[1], 0.97 * spec.height))
    x = (spec.feet[0] - spec.width / 2) / spec.focal
    y = (feet_y - spec.height / 2) / spec.focal
    ray = np.array([x, -y * np.cos(spec.pitch) - np.sin(spec.pitch), y * np.sin(spec.pitch) - np.cos(spec.pitch)])
    away = spec.focal / pixels  # along the axis of view
    return Stand(float(-away * ray[1]), np.array([away * ray[0], 0.0, away * ray[2]]))
