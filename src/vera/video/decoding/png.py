"""PNG pictures of a sequence: what each holds, as its header says, and the one format that holds all of them."""

import struct
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from vera.color.tags import SPACE_RGB, apply_tags, color_tags
from vera.errors import VeraError
from vera.video.arrays import planes

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOR, _ALPHA, _PALETTE = 2, 4, 1  # bits of the header's colour type


class _Picture(NamedTuple):
    """Size in pixels, and whether there is colour, alpha (or a colour that stands for clear), more than 8 bits."""

    width: int
    height: int
    color: bool
    alpha: bool
    deep: bool
    palette: bool


def common_format(files: Sequence[Path]) -> str | None:
    """Return the pixel format that holds all PNG `files` exactly, None if each is of one that needs no change.

    Raises VeraError that names the first file of another size. Other files, and what has no header, are left out.
    """
    found = [(file, picture) for file in files if (picture := _picture(file)) is not None]
    if not found:
        return None
    first = found[0][1]
    for file, picture in found:
        if picture[:2] != first[:2]:
            raise VeraError(
                f"{file}: is {picture.width}x{picture.height}, but {first.width}x{first.height} before; "
                "render it anew, or give only pictures of one size"
            )
    if len({picture[2:] for _, picture in found}) == 1 and not first.palette:
        return None
    color, alpha, deep = (any(picture[place] for _, picture in found) for place in (2, 3, 4))
    name = ("rgba" if alpha else "rgb") if color else ("ya" if alpha else "gray")
    if deep:
        return name + {"rgba": "64le", "rgb": "48le", "ya": "16le", "gray": "16le"}[name]
    return name + {"rgba": "", "rgb": "24", "ya": "8", "gray": ""}[name]


def widened(frame: av.VideoFrame, pix_fmt: str, scaler: VideoReformatter) -> av.VideoFrame:
    """Return a grey or RGB frame, with or without alpha, in a `pix_fmt` that holds all of its samples exactly.

    Grey becomes R = G = B, 8 bits become the same share of 16, and what has no alpha is opaque.
    """
    if frame.format.name == pix_fmt:
        return frame
    wide = scaler.reformat(frame, format=pix_fmt)  # with what the picture says besides; its samples are those below
    source, target = np.atleast_3d(planes(frame)[0]), planes(wide)[0]
    target = target if target.ndim == 3 else target[..., None]
    white = np.iinfo(target.dtype).max
    scale = white // np.iinfo(source.dtype).max
    colors = source.shape[2] - (source.shape[2] in (2, 4))
    room = target.shape[2] - (target.shape[2] in (2, 4))
    target[..., :room] = source[..., :colors].astype(target.dtype) * target.dtype.type(scale)
    if room < target.shape[2]:
        target[..., room] = white if colors == source.shape[2] else source[..., colors].astype(target.dtype) * scale
    apply_tags(color_tags(frame), wide)
    if room == 3:
        wide.colorspace = SPACE_RGB
    return wide


def _picture(path: Path) -> _Picture | None:
    if path.suffix.lower() != ".png":
        return None
    with suppress(OSError, struct.error), path.open("rb") as file:
        if file.read(8) != _SIGNATURE or file.read(8)[4:] != b"IHDR":
            return None
        width, height, depth, kind = struct.unpack(">IIBB", file.read(10))
        file.seek(7, 1)
        clear = bool(kind & _ALPHA) or _has_clear(file)
        return _Picture(width, height, bool(kind & _COLOR), clear, depth == 16, bool(kind & _PALETTE))
    return None


def _has_clear(file: BinaryIO) -> bool:
    """Whether a colour, or entries of the palette, are said to be transparent: in a chunk before the samples."""
    while len(head := file.read(8)) == 8 and head[4:] != b"IDAT":
        if head[4:] == b"tRNS":
            return True
        file.seek(int.from_bytes(head[:4], "big") + 4, 1)
    return False
