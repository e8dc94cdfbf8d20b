"""Rendered truth for benchmarks/refine.py: shapes over textures or photographs at 1080p, with exact mattes."""

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np

WIDTH, HEIGHT = 1920, 1080
SHAPES = ("blob", "spikes", "hair", "tree")


@dataclass(frozen=True)
class Scene:
    """Float32 in [0,1] at 1080p: the source, what is new, its true matte, and the subject alone if it is kept."""

    plate: np.ndarray
    edit: np.ndarray
    alpha: np.ndarray
    kept: np.ndarray | None = None


def render(name: str, optics: float, noise: float, photos: bool = False) -> Scene:
    """`SHAPE/PLACE`; optics is the sigma, in pixels, by which a lens blurs the edge, noise the plate's deviation.

    Places: `in`, the edit recolours an object of the plate; `low`, one that hardly differs from what is behind it;
    `keep`, the edit replaces what is behind the object; `add`, the plate does not show the object at all.
    """
    place = name.split("/")[1]
    behind, thing, new = _backdrops(photos)
    alpha = matte(name.split("/")[0])
    if place == "low":
        thing = behind.mean((0, 1)) + 0.06 + 0.5 * (thing - thing.mean((0, 1)))
    if optics:  # a lens blurs what it sees, not edges alone; what is out of focus by more is the object's edge
        alpha = cv2.GaussianBlur(alpha, (0, 0), optics)
        behind, thing = (cv2.GaussianBlur(part, (0, 0), min(optics, 1.0)) for part in (behind, thing))
    cover = alpha[..., None]
    plate = behind if place == "add" else cover * thing + (1 - cover) * behind
    plate = (plate + np.random.default_rng(3).normal(0, noise, plate.shape)).clip(0, 1).astype(np.float32)
    if place == "keep":
        return Scene(plate, new, 1 - alpha, thing)
    edit = new if place == "add" else (thing * (1.3, 0.6, 0.5) + 0.1).clip(0, 1).astype(np.float32)
    return Scene(plate, edit, alpha)


@cache
def _backdrops(photos: bool) -> tuple[np.ndarray, ...]:
    """What is behind, the object, and what is new."""
    rng = np.random.default_rng(7)
    behind, thing, new = (backdrop(rng, photos) for _ in range(3))
    if not photos:
        for left in range(0, WIDTH, 160):
            behind[:, left : left + 60] *= 0.75
    return behind, thing, new


@cache
def matte(shape: str) -> np.ndarray:
    """Coverage `[1080,1920]` by 16 samples a pixel; `shadow` and `motion` are soft."""
    if shape == "shadow":
        return 0.5 * cv2.GaussianBlur(matte("blob"), (0, 0), 25)
    if shape == "motion":
        return cv2.blur(matte("blob"), (61, 1))
    canvas = np.zeros((4 * HEIGHT, 4 * WIDTH), np.uint8)
    rng = np.random.default_rng(5)
    {"blob": _blob, "spikes": _spikes, "hair": _hair, "tree": _tree}[shape](canvas, rng)
    return cv2.resize(canvas, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA).astype(np.float32) / 255


def backdrop(rng: np.random.Generator, photos: bool) -> np.ndarray:
    """`[1080,1920,3]`: a photograph's middle, or coloured noise of a natural spectrum around a random colour."""
    if photos:
        files = sorted((Path(find_spec("interior_photos").origin).parent / "images").glob("*.jpg"))
        picture = cv2.cvtColor(cv2.imread(str(files[int(rng.integers(len(files)))])), cv2.COLOR_BGR2RGB)
        scale = max(WIDTH / picture.shape[1], HEIGHT / picture.shape[0])
        picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else None)
        top = (picture.shape[0] - HEIGHT) // 2
        return picture[top : top + HEIGHT, :WIDTH].astype(np.float32) / 255
    grey = _spectrum(rng, 1.1)[..., None]
    color = np.stack([_spectrum(rng, 1.3) for _ in range(3)], -1)
    return (rng.uniform(0.2, 0.75, 3) + 0.07 * grey + 0.035 * color).clip(0, 1).astype(np.float32)


def _spectrum(rng: np.random.Generator, power: float) -> np.ndarray:
    wave = np.fft.rfft2(rng.standard_normal((HEIGHT, WIDTH)))
    distance = np.hypot(np.fft.fftfreq(HEIGHT)[:, None], np.fft.rfftfreq(WIDTH)[None])
    distance[0, 0] = 1
    field = np.fft.irfft2(wave / distance**power, s=(HEIGHT, WIDTH))
    return (field / field.std()).astype(np.float32)


def _polygon(canvas: np.ndarray, points: np.ndarray) -> None:
    cv2.fillPoly(canvas, [np.rint(points * 4).astype(np.int32)], 255)


def _blob(canvas: np.ndarray, rng: np.random.Generator) -> None:
    angle, wave = np.linspace(0, 2 * np.pi, 400, endpoint=False), np.arange(1, 7)[:, None]
    swing = rng.normal(0, 0.25, (6, 1)) / wave * np.cos(wave * angle + rng.uniform(0, 6.28, (6, 1)))
    radius = 280 * (1 + swing.sum(0))
    _polygon(canvas, np.stack([960 + radius * np.cos(angle), 540 + radius * np.sin(angle)], -1))


def _spikes(canvas: np.ndarray, rng: np.random.Generator) -> None:
    cv2.circle(canvas, (960 * 4, 540 * 4), 230 * 4, 255, -1)
    for angle in np.linspace(0, 2 * np.pi, 220, endpoint=False):
        out, along = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
        foot, tip = 226 * out + (960, 540), (230 + rng.uniform(35, 105)) * out + (960, 540)
        half = rng.uniform(1.2, 3.8)
        _polygon(canvas, np.array([foot + half * along, foot - half * along, tip]))


def _hair(canvas: np.ndarray, rng: np.random.Generator) -> None:
    cv2.ellipse(canvas, (960 * 4, 900 * 4), (260 * 4, 330 * 4), 0, 0, 360, 255, -1)
    for _ in range(120):
        angle = rng.uniform(-2.9, -0.25)
        points = [np.array([960 + 255 * np.cos(angle), 900 + 325 * np.sin(angle)])]
        for _ in range(12):
            angle += rng.normal(0, 0.12)
            points.append(points[-1] + 12 * np.array([np.cos(angle), np.sin(angle)]))
        line = np.rint(np.array(points) * 4).astype(np.int32)
        cv2.polylines(canvas, [line], False, 255, max(1, int(8 * rng.uniform(0.5, 1))))


def _tree(canvas: np.ndarray, rng: np.random.Generator) -> None:
    canvas[4 * 800 :] = 255

    def branch(foot: np.ndarray, angle: float, length: float, width: float) -> None:
        if width < 1:
            return
        tip = foot + length * np.array([np.cos(angle), np.sin(angle)])
        cv2.line(canvas, (foot * 4).astype(int).tolist(), (tip * 4).astype(int).tolist(), 255, max(1, int(4 * width)))
        for _ in range(3):
            branch(tip, angle + rng.normal(0, 0.5), length * rng.uniform(0.6, 0.85), width * 0.62)

    branch(np.array([600, 810]), -1.6, 150, 26)
    branch(np.array([1400, 810]), -1.5, 170, 24)
