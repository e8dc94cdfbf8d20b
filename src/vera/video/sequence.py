"""Image sequences: numbered pictures in a folder, read as a clip."""

import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from vera.errors import VeraError

PICTURES = (".png", ".tif", ".tiff", ".dpx", ".exr", ".jpg", ".jpeg")
# What a film or effects shot runs at; nearly no picture file says it.
DEFAULT_RATE = Fraction(24)

_PLACE = re.compile(r"%0?(\d*)d|#+")


@dataclass(frozen=True)
class Sequence:
    """Numbered pictures without a gap: the `files` in order, `pattern` as FFmpeg's image2 takes it, first number."""

    pattern: str
    start: int
    files: tuple[Path, ...]


def is_pattern(path: Path) -> bool:
    """Whether the name stands for numbered pictures: `shot.####.png` or `shot.%04d.png`."""
    return path.suffix.lower() in PICTURES and _PLACE.search(path.stem) is not None


def written_path(path: Path | str) -> Path:
    """The file, or for a pattern of pictures their folder, that appears as a whole when `path` is written."""
    path = Path(path)
    return path.parent if is_pattern(path) else path


def image_pattern(path: Path) -> str:
    """The printf pattern that FFmpeg's image2 writes `path` by; four digits for a single `#`."""
    place = _PLACE.search(path.stem)
    assert place is not None
    hashes = len(place[0]) if place[0].startswith("#") else 0
    digits = place[0] if not hashes else f"%0{4 if hashes == 1 else hashes}d"
    head, tail = path.stem[: place.start()], path.stem[place.end() :] + path.suffix
    return f"{path.parent}/{head}".replace("%", "%%") + digits + tail.replace("%", "%%")


def find_sequence(path: Path) -> Sequence | None:
    """The pictures that a pattern or a folder names; None for any other path, or a folder without numbered pictures.

    VeraError if a folder holds several sequences, if no picture fits the pattern, or if numbers are missing.
    """
    if path.is_dir():
        found = _sequences(path)
        if len(found) > 1:
            names = " and ".join(sorted(f"{head}####{suffix}" for head, suffix in found)[:3])
            raise VeraError(f"{path}: holds several image sequences; name one of them, as {names}")
        return _sequence(path, *next(iter(found.items()))) if found else None
    if not is_pattern(path):
        return None
    place = _PLACE.search(path.stem)
    assert place is not None
    key = (path.stem[: place.start()], path.stem[place.end() :] + path.suffix)
    numbers = _sequences(path.parent).get(key) if path.parent.is_dir() else None
    if not numbers:
        raise VeraError(f"{path}: no numbered pictures of this name; check the path")
    return _sequence(path.parent, key, numbers)


def source_files(path: Path | str) -> tuple[Path, ...]:
    """The files that a source consists of: all pictures of a sequence, else the file itself."""
    sequence = find_sequence(Path(path))
    return (Path(path),) if sequence is None else sequence.files


def _sequences(folder: Path) -> dict[tuple[str, str], list[str]]:
    """Numbers, as they are written, by what stands before and after them in the names."""
    found: dict[tuple[str, str], list[str]] = {}
    for file in folder.iterdir():
        match = re.fullmatch(r"(.*?)(\d+)(\D*)", file.stem)
        if file.suffix.lower() in PICTURES and match and not file.name.startswith("."):
            found.setdefault((match[1], match[3] + file.suffix), []).append(match[2])
    return found


def _sequence(folder: Path, key: tuple[str, str], texts: list[str]) -> Sequence:
    head, tail = key
    widths = {len(text) for text in texts}
    padded = len(widths) == 1
    if not padded and any(text.startswith("0") and text != "0" for text in texts):
        raise VeraError(f"{folder}: {head}####{tail} has numbers of different length; rename them alike")
    numbers = sorted(map(int, texts))
    missing = sorted(set(range(numbers[0], numbers[-1])) - set(numbers))
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise VeraError(f"{folder}: {head}####{tail} lacks number {missing[0]}{more}; render or copy what is missing")
    place = f"%0{widths.pop()}d" if padded else "%d"
    names = [head + place % number + tail for number in numbers]
    pattern = str(folder / head).replace("%", "%%") if head else f"{folder}/".replace("%", "%%")
    return Sequence(pattern + place + tail.replace("%", "%%"), numbers[0], tuple(folder / name for name in names))
