"""Sample sheets: pictures to watch a run by."""

from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from vera.errors import VeraError
from vera.whole import whole_file

CAPTION = 14  # pixels


def write_sample_sheet(path: Path, rows: Sequence[tuple[str, Sequence[Tensor]]]) -> None:
    """Write a PNG: a row for each (caption, tiles). VeraError if the disk refuses.

    A tile is the middle frame of [T,H,W,3] or [T,H,W], in [0,1].
    """
    lines = []
    for caption, tiles in rows:
        pictures = torch.cat([_frame(tile) for tile in tiles], dim=1).numpy()
        line = Image.new("RGB", (pictures.shape[1], pictures.shape[0] + CAPTION))
        line.paste(Image.fromarray(pictures), (0, CAPTION))
        ImageDraw.Draw(line).text((2, 1), caption, fill="white")
        lines.append(line)
    sheet = Image.new("RGB", (max(line.width for line in lines), sum(line.height for line in lines)))
    top = 0
    for line in lines:
        sheet.paste(line, (0, top))
        top += line.height
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as partial:
            sheet.save(partial)
    except OSError as error:
        raise VeraError(f"{path}: cannot be written ({error.strerror or error}); free the disk and go on") from None


def _frame(video: Tensor) -> Tensor:
    frame = video[len(video) // 2].detach().float().cpu()
    if frame.ndim == 2:
        frame = frame[..., None].expand(*frame.shape, 3)
    return (frame.clamp(0, 1) * 255).round().to(torch.uint8)
