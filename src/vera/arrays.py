"""Types of NumPy arrays, and .npz files that a stranger may have written."""

import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vera.errors import VeraError, first_line

Float = NDArray[np.float32]
Frames = NDArray[np.uint8]  # RGB [T,H,W,3]

LIMIT = 1 << 30  # bytes, unpacked: nine views of an object in full HD have 350 MB


def read_arrays(path: Path, names: Iterable[str], limit: int = LIMIT) -> dict[str, NDArray[Any]]:
    """Read the arrays `names` of an .npz file; nothing in it is unpickled.

    Raises VeraError if it is missing, damaged, no such file, or holds more than `limit` bytes in them.
    """
    if not path.is_file():  # a pipe would wait for its other end
        raise VeraError(f"{path}: is missing, or no regular file")
    try:
        with zipfile.ZipFile(path) as archive:
            parts = {name: archive.getinfo(f"{name}.npy") for name in names}
            if sum(part.file_size for part in parts.values()) > limit:
                raise ValueError(f"more than {limit:,} bytes")
            arrays = {}
            for name, part in parts.items():
                with archive.open(part) as file:
                    arrays[name] = np.lib.format.read_array(file, allow_pickle=False)
            return arrays
    except Exception as error:  # of a stranger's file, anything
        raise VeraError(f"{path}: cannot be read ({first_line(error)})") from None
