"""Values of options, checked before any work begins."""

import re
from fractions import Fraction
from pathlib import Path

from vera.errors import VeraError

_SECONDS = re.compile(r"\d+(\.\d*)?|\.\d+", re.ASCII)


def parse_size(text: str) -> tuple[int, int]:
    """Width and height of `640x360`; VeraError for anything else."""
    sides = text.lower().split("x")
    if len(sides) != 2 or not all(side.isdecimal() and int(side) > 0 for side in sides):
        raise VeraError(f"size is WxH, such as 640x360, not {text!r}")
    return int(sides[0]), int(sides[1])


def parse_time(text: str) -> Fraction:
    """Seconds of `2.5`, `1:02.5` or `1:00:02.5`; VeraError for anything else."""
    parts = text.split(":")
    if len(parts) > 3 or not all(part.isdecimal() for part in parts[:-1]) or not _SECONDS.fullmatch(parts[-1]):
        raise VeraError(f"a time is seconds or [hours:]minutes:seconds, such as 2.5 or 1:02.5, not {text!r}")
    return sum((Fraction(part) * 60**power for power, part in enumerate(reversed(parts))), Fraction(0))


def check_picture(path: Path) -> None:
    """VeraError unless a PNG can be written at `path`."""
    if path.suffix.lower() != ".png":
        raise VeraError(f"{path}: the sheet is a PNG; give a name in .png")
    if not path.parent.is_dir():
        raise VeraError(f"{path}: the folder {path.parent} does not exist; create it first")
    if path.is_dir():
        raise VeraError(f"{path}: is a folder; give the name of a file in it")
