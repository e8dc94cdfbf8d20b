"""What an editor changed and the layers leave out: where, how much, and when."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from vera.errors import VeraError
from vera.files import check_place
from vera.layers.layer_frame import FULL
from vera.layers.layerize.footage import enlarge
from vera.whole import whole_file

Float = NDArray[np.float32]
Picture = NDArray[np.uint8]

GRID = (16, 9)  # cells of the map, across and down
TILES, WIDTH = 6, 240  # frames of a sheet and their width in pixels
GAIN = 4  # of the differences that a sheet shows
ROWS = ("source", "edited", "alpha", "layers over source", f"refused x{GAIN}")
LABEL, GAP = 130, 4


class DriftMap:
    """Mean differences of the edited clip from the source where alpha is 0, in 8-bit codes: each frame's, and in cells
    of the frame the clip's mean and its greatest frame's. `count` frames are expected; a few of them make the sheet."""

    def __init__(self, count: int = 0) -> None:
        self.means: list[float] = []
        self._sum, self._seen = np.zeros(GRID[::-1]), np.zeros(GRID[::-1])
        self._peak = np.zeros(GRID[::-1])
        self._shown = set(np.linspace(0, count - 1, min(count, TILES)).round().astype(int).tolist())
        self._tiles: list[list[Picture]] = []

    def add(self, source: NDArray[Any], edited: NDArray[Any], edit: NDArray[Any], alpha: NDArray[np.uint16]) -> None:
        """The next frame: RGB codes of both clips `[h,w,3]` each, of the edit layer `[H,W,3]`, and its alpha."""
        before, after = (enlarge(_eight_bits(part), alpha.shape[::-1]) for part in (source, edited))
        kept = np.asarray(alpha == 0, np.float32)
        difference = cv2.transform(cv2.absdiff(before, after), np.full((1, 3), 1 / 3)) * kept
        share = cv2.resize(kept, GRID, interpolation=cv2.INTER_AREA)
        refused = cv2.resize(difference.astype(np.float32), GRID, interpolation=cv2.INTER_AREA)
        self._sum += refused
        self._seen += share
        self._peak = np.maximum(self._peak, refused / np.maximum(share, 0.05))
        self.means.append(float(difference.sum(dtype=np.float64) / max(kept.sum(dtype=np.float64), 1)))
        if len(self.means) - 1 in self._shown:
            self._tiles.append(_tiles(before, after, _eight_bits(edit), alpha))

    @property
    def mean(self) -> float:
        """Of all frames."""
        return float(np.mean(self.means or [0.0]))

    def record(self) -> dict[str, Any]:
        """The map in JSON values; rows of cells from the top."""
        mean = self._sum / np.maximum(self._seen, 1e-6)
        return {
            "unit": "mean difference in 8-bit codes where alpha is 0",
            "mean": round(self.mean, 3),
            "frames": np.round(self.means, 2).tolist(),
            "map": mean.round(2).tolist(),
            "peak": self._peak.round(2).tolist(),
        }

    def write_sheet(self, out: Path) -> None:
        """Write a PNG of a few frames: source, edited, alpha, layers over the source, and what was refused."""
        try:
            with whole_file(out) as partial:
                _sheet(self._tiles).save(partial, format="PNG")
        except OSError as error:
            raise VeraError(f"{out}: the sheet cannot be written ({error.strerror or error})") from None


def check_sheet(out: Path) -> None:
    """VeraError unless a sheet can be written as the file `out`: asked before the work, not after it."""
    if out.suffix.lower() != ".png":
        raise VeraError(f"{out}: the sheet is a PNG; give a name in .png")
    check_place(out)


def _eight_bits(codes: NDArray[Any]) -> Picture:
    return codes if codes.dtype == np.uint8 else (codes >> 8).astype(np.uint8)


def _tiles(source: Picture, edited: Picture, edit: Picture, alpha: NDArray[np.uint16]) -> list[Picture]:
    height = max(2, round(WIDTH * source.shape[0] / source.shape[1]))
    pictures = [
        np.asarray(cv2.resize(part, (WIDTH, height), interpolation=cv2.INTER_AREA), np.float32)
        for part in (source, edited, edit, alpha)
    ]
    before, after, color = pictures[:3]
    matte = pictures[3][..., None] / np.float32(FULL)
    over = matte * color + (1 - matte) * before
    refused = np.abs(after - before) * (1 - matte) * GAIN
    shown = before, after, np.repeat(matte * 255, 3, axis=-1), over, refused
    return [part.clip(0, 255).round().astype(np.uint8) for part in shown]


def _sheet(tiles: Sequence[Sequence[Picture]]) -> Image.Image:
    height, width = tiles[0][0].shape[:2]
    sheet = Image.new("RGB", (LABEL + len(tiles) * (width + GAP), len(ROWS) * (height + GAP)), (24, 24, 26))
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for row, name in enumerate(ROWS):
        pen.text((GAP, row * (height + GAP) + height // 2 - 8), name, (210, 210, 210), font)
        for column, tile in enumerate(tiles):
            sheet.paste(Image.fromarray(tile[row]), (LABEL + column * (width + GAP), row * (height + GAP)))
    return sheet
