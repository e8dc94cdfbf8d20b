"""The contact sheet: what was there, what is new, how much of it, what came out, and what changed."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from vera.errors import VeraError
from vera.files import check_outputs
from vera.layers.composite import check_belongs
from vera.layers.layer_frame import to_float
from vera.layers.layered_edit import LayeredEdit
from vera.layers.refine.floor import fit_layer
from vera.video import Clip, ClipLike, FrameReader, Orientation, as_clip, model_view
from vera.video.open import FootageLike
from vera.video.sequence import source_files
from vera.video.view import spread_frames
from vera.whole import whole_file

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
    chosen = spread_frames(len(edit.pts), columns)
    tiles = sheet_tiles(as_clip(source), edit, Path(result), Path(out), chosen, width)
    times = [float(edit.pts[index] * edit.time_base) for index in chosen]
    with sheet_file(Path(out)) as partial:
        _draw(tiles, times).save(partial, format="PNG")


def sheet_tiles(
    clip: Clip, edit: LayeredEdit, result: Path, out: Path, chosen: list[int], width: int
) -> list[list[NDArray[np.uint8]]]:
    """Draw the pictures of `ROWS` for chosen frames of an edit: uint8 RGB, `width` pixels wide.

    Raises VeraError if `out` is one of the inputs, and for layers of another clip.
    """
    check_outputs([*source_files(clip.path), result], [out])
    check_belongs(edit, clip)
    wide, high = clip.display_size
    size = (width, max(2, round(width * high / wide)))
    position_of = {pts: position for position, pts in enumerate(clip.pts)}
    positions = [position_of[edit.pts[index]] for index in chosen]
    before = _pick(clip.footage, positions, size, clip.orientation)
    after = _pick(result, positions, size, clip.orientation)
    tiles = []
    for index, position, original, edited in zip(chosen, positions, before, after, strict=True):
        color, alpha = fit_layer(edit.frame(index, clip.display_size, position=position), size)
        alpha = to_float(alpha)[..., None]
        shown = alpha * (to_float(color) * 255) + (1 - alpha) * _checkerboard(size)[..., None]
        grey = np.repeat(alpha * 255, 3, axis=-1)
        change = np.abs(edited.astype(np.int16) - original) * GAIN
        tiles.append([tile.clip(0, 255).round().astype(np.uint8) for tile in (original, shown, grey, edited, change)])
    return tiles


@contextmanager
def sheet_file(out: Path) -> Iterator[Path]:
    """Give the temporary name under which a sheet is written. Raises VeraError if the disk refuses."""
    try:
        with whole_file(out) as partial:
            yield partial
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


def _draw(tiles: list[list[NDArray[np.uint8]]], times: list[float]) -> Image.Image:
    height, width = tiles[0][0].shape[:2]
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
            sheet.paste(Image.fromarray(tile[row]), (MARGIN + LABEL + column * (width + GAP), y))
    for column, seconds in enumerate(times):
        pen.text((MARGIN + LABEL + column * (width + GAP), MARGIN - 2), f"{seconds:.2f} s", (150, 150, 150), font)
    return sheet
