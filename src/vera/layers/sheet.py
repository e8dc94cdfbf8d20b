"""The contact sheet: what was there, what is new, how much of it, what came out, and what changed."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from vera.errors import VeraError
from vera.files import check_outputs, whole_file
from vera.layers.composite import check_belongs
from vera.layers.layer_frame import unit
from vera.layers.layered_edit import LayeredEdit
from vera.layers.refine.floor import fit_layer
from vera.video import ClipLike, FrameReader, Orientation, as_clip, model_view
from vera.video.open import FootageLike
from vera.video.sequence import source_files
from vera.video.view import spread_frames

ROWS = ("source", "edit", "alpha", "result", "difference x8")
GAP, MARGIN, LABEL = 4, 8, 96
GAIN = 8


def contact_sheet(
    source: ClipLike, edit: LayeredEdit, result: str | Path, out: str | Path, columns: int = 6, width: int = 240
) -> None:
    """Write a PNG of `columns` frames, evenly spread over the edited part of the clip.

    Rows: source, edit layer on a checkerboard, alpha, result, difference of result and source times eight. The file
    has a temporary name until it is whole. Raises VeraError if the disk refuses, and for layers of another clip.
    """
    clip = as_clip(source)
    check_outputs([*source_files(clip.path), Path(result)], [Path(out)])
    check_belongs(edit, clip)
    wide, high = clip.display_size
    size = (width, max(2, round(width * high / wide)))
    chosen = spread_frames(len(edit.pts), columns)
    position_of = {pts: position for position, pts in enumerate(clip.pts)}
    positions = [position_of[edit.pts[index]] for index in chosen]
    tiles = []
    before = _pick(clip.footage, positions, size, clip.orientation)
    after = _pick(result, positions, size, clip.orientation)
    for index, position, original, edited in zip(chosen, positions, before, after, strict=True):
        color, alpha = fit_layer(edit.frame(int(index), clip.display_size, position=position), size)
        alpha = unit(alpha)[..., None]
        shown = alpha * (unit(color) * 255) + (1 - alpha) * _checkerboard(size)[..., None]
        grey = np.repeat(alpha * 255, 3, axis=-1)
        change = np.abs(edited.astype(np.int16) - original) * GAIN
        tiles.append([original, shown, grey, edited, change])
    times = [float(edit.pts[index] * edit.time_base) for index in chosen]
    try:
        with whole_file(Path(out)) as partial:
            _draw(tiles, times, size).save(partial, format="PNG")
    except OSError as error:
        raise VeraError(f"{out}: the sheet cannot be written ({error.strerror or error})") from None


def _pick(
    footage: FootageLike, positions: list[int], size: tuple[int, int], orientation: Orientation
) -> list[NDArray[np.uint8]]:
    wanted = set(positions)
    with FrameReader(footage) as reader:
        frames: Iterable[tuple[int, Any]] = enumerate(reader)
        return [model_view(frame, *size, orientation) for position, frame in frames if position in wanted]


def _checkerboard(size: tuple[int, int], cell: int = 10) -> NDArray[np.float64]:
    width, height = size
    odd = (np.arange(width)[None, :] // cell + np.arange(height)[:, None] // cell) % 2
    return np.where(odd, 200.0, 235.0)


def _draw(tiles: list[list[NDArray[Any]]], times: list[float], size: tuple[int, int]) -> Image.Image:
    width, height = size
    top = MARGIN + 18
    sheet = Image.new(
        "RGB",
        (MARGIN * 2 + LABEL + len(tiles) * (width + GAP) - GAP, top + MARGIN + len(ROWS) * (height + GAP) - GAP),
        (24, 24, 26),
    )
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for row, name in enumerate(ROWS):
        y = top + row * (height + GAP)
        pen.text((MARGIN, y + height // 2 - 8), name, (210, 210, 210), font)
        for column, tile in enumerate(tiles):
            picture = Image.fromarray(tile[row].clip(0, 255).round().astype(np.uint8))
            sheet.paste(picture, (MARGIN + LABEL + column * (width + GAP), y))
    for column, seconds in enumerate(times):
        pen.text((MARGIN + LABEL + column * (width + GAP), MARGIN - 2), f"{seconds:.2f} s", (150, 150, 150), font)
    return sheet
