"""Sheets of the strips of all cases, with nothing left out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from vera.evaluation.predictions.strip import save_picture

CAPTION = 30  # two lines
GAP = 4
MISS, HIT = (235, 90, 80), (200, 200, 200)


@dataclass(frozen=True)
class Entry:
    """A case on a sheet: its strip, what was asked, what came of it, and whether that is a miss."""

    strip: Path
    instruction: str
    verdict: str
    miss: bool


def write_case_sheet(path: Path, entries: Sequence[Entry], columns: int = 2) -> None:
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
