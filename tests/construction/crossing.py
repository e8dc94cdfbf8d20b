"""Footage in which a ball crosses a still, textured scene: what the embedded steps are good at."""

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from vera.video import write_lossless

FRAMES, WIDTH, HEIGHT = 17, 160, 96
RADIUS = 12
LICENCE = "licence: OWN\ncreator: anna\n"


def centre(t: int) -> tuple[int, int]:
    return 20 + 7 * t, 50


def crossing(seed: int, frames: int = FRAMES) -> np.ndarray:
    """uint8 `[T,H,W,3]`: each seed has a scene and a ball of its own."""
    rng = np.random.default_rng(seed)
    scene = cv2.resize(
        rng.integers(40, 200, (12, 20, 3), dtype=np.uint8), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC
    )
    scene = cv2.add(scene, rng.integers(0, 20, scene.shape, dtype=np.uint8))
    color = tuple(int(value) for value in rng.permutation([250, 20, 20]))
    clip = np.stack([scene] * frames)
    for t in range(frames):
        cv2.circle(clip[t], centre(t), RADIUS, color, -1, cv2.LINE_AA)
    return clip


def write_footage(folder: Path, *seeds: int, licence: str | None = LICENCE) -> list[Path]:
    folder.mkdir(exist_ok=True)
    paths = [folder / f"{seed}.mkv" for seed in seeds]
    for seed, path in zip(seeds, paths, strict=True):
        write_lossless(path, crossing(seed), Fraction(16))
        if licence is not None:
            path.with_name(path.name + ".licence.yaml").write_text(licence, encoding="utf-8")
    return paths


def write_recipe(path: Path, *lines: str) -> Path:
    head = [f"footage: [{path.parent}/footage/*.mkv]", f"frames: {FRAMES}", f"size: {WIDTH}x{HEIGHT}"]
    path.write_text("\n".join([*head, *lines]) + "\n", encoding="utf-8")
    return path
