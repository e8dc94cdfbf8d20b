"""Masks that the page painted: kept only if they are PNGs of the clip's size, which a process apart decodes."""

import struct
from pathlib import Path

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from vera.errors import VeraError
from vera.studio.clips import clip_record
from vera.studio.projects import part_folder, project_folder, project_record
from vera.studio.schema.takes import Mask
from vera.studio.studio import Studio, existing, new_id
from vera.whole import whole_file

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def mask_path(studio: Studio, project: str, mask: str) -> Path:
    """Find a mask of a project. Raises MissingError."""
    folder = project_folder(studio, project) / "masks"
    return existing(folder / mask, "mask.png", "mask") / "mask.png"


async def add_mask(studio: Studio, project: str, request: Request) -> Mask:
    """Keep the PNG that a request's body is; its size was limited on the way in. VeraError for anything else."""
    data = await request.body()
    return await run_in_threadpool(_keep, studio, project, data)


def _keep(studio: Studio, project: str, data: bytes) -> Mask:
    probe = clip_record(studio, project_record(studio, project)["clip"])["probe"]
    size = (probe["width"], probe["height"])
    check_png(data, size)
    mask = new_id()
    folder = part_folder(studio, project, "masks") / mask
    folder.mkdir()
    with whole_file(folder / "mask.png") as partial:
        partial.write_bytes(data)
        studio.drawing.call(decode_mask, partial, size)
    return Mask(mask=mask)


def check_png(data: bytes, size: tuple[int, int]) -> None:
    """VeraError unless bytes begin as a PNG of that size, perhaps one that lies on its side: what it would unpack to is
    known before it is decoded."""
    if len(data) < 33 or not data.startswith(_SIGNATURE) or data[12:16] != b"IHDR":
        raise VeraError("the mask is not a PNG")
    found: tuple[int, int] = struct.unpack(">II", data[16:24])
    if found not in (size, size[::-1]):
        raise _other_size(found, size)


def _other_size(found: tuple[int, int], size: tuple[int, int]) -> VeraError:
    return VeraError(f"the mask is {found[0]}x{found[1]}, the clip {size[0]}x{size[1]}: make it the clip's size")


def decode_mask(path: Path, size: tuple[int, int]) -> None:
    """VeraError for a mask that cannot be decoded, is of another size when it is upright, or has nothing white."""
    from vera.layers.masks import mask_frames, still_size

    found = still_size(path)
    if found is not None and found != size:
        raise _other_size(found, size)
    if not next(mask_frames(path, *size)).any():
        raise VeraError("nothing in the mask is white, so nothing would be kept; paint what must stay in white")
