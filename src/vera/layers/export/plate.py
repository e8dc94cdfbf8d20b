"""The plate as an export refers to it: the source's file or its numbered pictures, as seen from the export."""

import os
from dataclasses import dataclass
from pathlib import Path

from vera.layers.export.shot import Shot


@dataclass(frozen=True)
class Plate:
    """Paths have forward slashes and are relative where they can be.

    `path`: the file, or the first of numbered pictures. `pattern`: these, with a printf form for the number, else None.
    """

    path: str
    pattern: str | None

    @property
    def name(self) -> str:
        """The path for all frames."""
        return self.pattern or self.path


def find_plate(shot: Shot, folder: Path) -> Plate:
    """The source as seen from `folder`."""
    sequence = shot.sequence
    if sequence is None:
        return Plate(_seen_from(folder, shot.clip.path), None)
    first = _seen_from(folder, sequence.files[0])
    return Plate(first, first.removesuffix(sequence.files[0].name) + Path(sequence.pattern).name)


def _seen_from(folder: Path, path: Path) -> str:
    try:
        return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
    except ValueError:  # on another drive of Windows
        return path.resolve().as_posix()
