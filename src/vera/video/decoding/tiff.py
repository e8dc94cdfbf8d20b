"""What tags of TIFF pictures say and FFmpeg does not: JPEG within, of which it makes noise, and premultiplied alpha."""

import struct
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from vera.errors import VeraError

_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
_COMPRESSION, _JPEG = 259, (6, 7)
_EXTRA_SAMPLES, _ASSOCIATED = 338, 1


def check_tiff(path: Path, file: BinaryIO) -> None:
    """Raise VeraError for a TIFF that is compressed as JPEG; other files, and what is cut off, pass.

    `file` has what is at `path`.
    """
    if _tags(file).get(_COMPRESSION) in _JPEG:
        raise VeraError(f"{path}: is a TIFF with JPEG compression, which is not read; save it with LZW or none")


def is_premultiplied(path: Path) -> bool:
    """Whether a TIFF says that its colours are multiplied by its alpha."""
    with suppress(OSError), path.open("rb") as file:
        return _tags(file).get(_EXTRA_SAMPLES) == _ASSOCIATED
    return False


def _tags(file: BinaryIO) -> dict[int, int]:
    """Tags of the first picture whose value is one short number; of what is no TIFF none, of what is cut off some."""
    found: dict[int, int] = {}
    with suppress(OSError, struct.error):
        order = _ORDERS.get(file.read(4))
        if order is None:
            return found
        file.seek(struct.unpack(f"{order}I", file.read(4))[0])
        (count,) = struct.unpack(f"{order}H", file.read(2))
        for _ in range(count):
            tag, _, _, value = struct.unpack(f"{order}HHIH2x", file.read(12))
            found[tag] = value
    return found
