"""Pictures of every case: a strip each, and sheets of all strips, with nothing left out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from vera.evaluation.predictions.predict import Answer, Frames
from vera.files import whole_file

TILE = 128  # pixels of width
CAPTION = 30  # two lines
GAP = 4
MISS, HIT = (235, 90, 80), (200, 200, 200)


def write_strip(path: Path, source: Frames, found: Answer, truth: Frames | None = None) -> None:
    """A JPEG of a clip's middle frame: source, edit on a checkerboard, alpha, result and, where known, the true one."""
    t = len(source) // 2
    alpha = found.alpha[t][..., None]
    shown = alpha * found.edit[t] + (1 - alpha) * _checkerboard(*found.alpha.shape[1:])[..., None]
    tiles = [source[t], shown, np.repeat(alpha * 255, 3, axis=-1), found.result[t]]
    if truth is not None:
        tiles.append(truth[t])
    save_picture(path, np.concatenate([_small(np.asarray(tile, np.uint8)) for tile in tiles], axis=1))


def save_picture(path: Path, picture: NDArray[np.uint8]) -> None:
    """Write a JPEG, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as partial:
        Image.fromarray(picture).save(partial, format="JPEG", quality=88)


@dataclass(frozen=True)
class Entry:
    """A case on a sheet: its strip, what was asked, what came of it, and whether that is a miss."""

    strip: Path
    instruction: str
    verdict: str
    miss: bool


def write_sheet(path: Path, entries: Sequence[Entry], columns: int = 2) -> None:
    """A JPEG of all entries in their order; the verdicts of misses are red."""
    pictures = [np.asarray(Image.open(entry.strip)) for entry in entries]
    width = max(picture.shape[1] for picture in pictures) + GAP
    height = max(picture.shape[0] for picture in pictures) + CAPTION
    rows = -(-len(entries) // columns)
    sheet = Image.new("RGB", (columns * width, rows * height), (24, 24, 26))
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(11)
    for number, (picture, entry) in enumerate(zip(pictures, entries, strict=True)):
        x, y = number % columns * width, number // columns * height
        pen.text((x + 2, y + 1), entry.instruction, HIT, font)
        pen.text((x + 2, y + 14), entry.verdict, MISS if entry.miss else HIT, font)
        sheet.paste(Image.fromarray(picture), (x, y + CAPTION))
    save_picture(path, np.asarray(sheet))


def _small(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height = round(picture.shape[0] * TILE / picture.shape[1])
    return np.asarray(cv2.resize(picture, (TILE, height), interpolation=cv2.INTER_AREA))


def _checkerboard(height: int, width: int, cell: int = 8) -> NDArray[np.float64]:
    odd = (np.arange(width)[None, :] // cell + np.arange(height)[:, None] // cell) % 2
    return np.where(odd, 200.0, 235.0)
