"""TIFF pictures compressed as JPEG, of which FFmpeg makes noise or black, and does not say so."""

import struct
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from vera.errors import VeraError

_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
_COMPRESSION, _JPEG = 259, (6, 7)


def check_tiff(path: Path, file: BinaryIO) -> None:
    """Raise VeraError for a TIFF that is compressed as JPEG; other files, and what is cut off, pass.

    `file` has what is at `path`.
    """
    found: dict[int, int] = {}
    with suppress(OSError, struct.error):
        order = _ORDERS.get(file.read(4))
        if order is None:
            return
        file.seek(struct.unpack(f"{order}I", file.read(4))[0])
        (count,) = struct.unpack(f"{order}H", file.read(2))
        for _ in range(count):
            tag, _, _, value = struct.unpack(f"{order}HHIH2x", file.read(12))
            found[tag] = value
    if found.get(_COMPRESSION) in _JPEG:
        raise VeraError(f"{path}: is a TIFF with JPEG compression, which is not read; save it with LZW or none")
