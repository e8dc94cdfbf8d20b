"""The moving sheet: source, edit layer, alpha and result side by side, as pages and messages can show them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from vera.layers.layered_edit import LayeredEdit
from vera.layers.sheet import ROWS, sheet_file, sheet_tiles
from vera.video import ClipLike, as_clip
from vera.video.view import spread_frames

SHOWN = 4  # the first rows of a contact sheet, two by two
GAP = 4
QUALITY = 75  # of WebP; chosen by eye


def animated_sheet(
    source: ClipLike, edit: LayeredEdit, result: str | Path, out: str | Path, frames: int = 75, width: int = 320
) -> None:
    """Write an animated WebP of source, edit layer on a checkerboard, alpha and result, each `width` pixels wide.

    It shows each edited frame for as long as the clip does, or `frames` of them, evenly spread over the same time, and
    plays again and again. Raises VeraError as `contact_sheet` does.
    """
    chosen = spread_frames(len(edit.pts), frames)
    tiles = sheet_tiles(as_clip(source), edit, Path(result), Path(out), chosen, width)
    first, *rest = [_draw(pictures[:SHOWN]) for pictures in tiles]
    durations = _durations([float(edit.pts[index] * edit.time_base) for index in chosen])
    with sheet_file(Path(out)) as partial:
        first.save(
            partial, "WEBP", save_all=True, append_images=rest, duration=durations, loop=0, quality=QUALITY, method=4
        )


def _durations(times: Sequence[float]) -> list[int]:
    """How long each frame is shown, in whole milliseconds; the last as long as the one before."""
    edges = np.rint(np.asarray(times) * 1000).astype(int)
    steps = np.diff(edges).tolist() or [1000]
    return [max(1, step) for step in [*steps, steps[-1]]][: len(times)]


def _draw(pictures: Sequence[NDArray[np.uint8]]) -> Image.Image:
    height, width = pictures[0].shape[:2]
    sheet = Image.new("RGB", (2 * width + GAP, 2 * height + GAP), (24, 24, 26))
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for number, (name, picture) in enumerate(zip(ROWS, pictures, strict=False)):
        x, y = number % 2 * (width + GAP), number // 2 * (height + GAP)
        sheet.paste(Image.fromarray(picture), (x, y))
        pen.text((x + 6, y + 4), name, (255, 255, 255), font, stroke_width=2, stroke_fill=(0, 0, 0))
    return sheet
