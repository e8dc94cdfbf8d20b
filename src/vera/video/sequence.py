"""Image sequences: numbered pictures in a folder, read as a clip."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from vera.errors import VeraError

PICTURES = (".png", ".tif", ".tiff", ".dpx", ".exr", ".jpg", ".jpeg")
# What a film or effects shot runs at; nearly no picture file says it.
DEFAULT_RATE = Fraction(24)

_PLACE = re.compile(r"%0?([0-9]*)d|#+")
_DIGITS = re.compile(r"([0-9]+)")


@dataclass(frozen=True)
class Sequence:
    """Numbered pictures without a gap: the `files` in order, `pattern` in printf's form, first number.

    `hashes`: the name of all of them as people write it, such as `shot.####.png`.
    """

    pattern: str
    start: int
    files: tuple[Path, ...]
    hashes: str


@dataclass(frozen=True)
class _Group:
    """Names that differ in a number: what stands before and after it, and files by the number as it is written."""

    head: str
    tail: str
    texts: Mapping[str, Path]

    @property
    def hashes(self) -> str:
        return f"{self.head}####{self.tail}"


def is_pattern(path: Path) -> bool:
    """Whether the name stands for numbered pictures: `shot.####.png` or `shot.%04d.png`."""
    return path.suffix.lower() in PICTURES and _PLACE.search(path.stem) is not None


def written_path(path: Path | str) -> Path:
    """The file, or for a pattern of pictures their folder, that appears as a whole when `path` is written."""
    path = Path(path)
    return path.parent if is_pattern(path) else path


def image_pattern(path: Path) -> str:
    """The printf pattern that FFmpeg's image2 writes `path` by; four digits for a single `#`."""
    place = _place(path.stem)
    hashes = len(place[0]) if place[0].startswith("#") else 0
    digits = place[0] if not hashes else f"%0{4 if hashes == 1 else hashes}d"
    head, tail = path.stem[: place.start()], path.stem[place.end() :] + path.suffix
    return f"{path.parent}/{head}".replace("%", "%%") + digits + tail.replace("%", "%%")


def find_sequence(path: Path) -> Sequence | None:
    """The pictures that a pattern or a folder names; None for any other path, or a folder without numbered pictures.

    The number may be anywhere in the name, below 0, and of more digits than the pattern asks for. VeraError if a folder
    holds several sequences, if no picture fits the pattern, or if numbers are missing or there twice.
    """
    if path.is_dir():
        found = _groups(_pictures(path))
        if len(found) > 1:
            names = " and ".join(sorted(group.hashes for group in found)[:3])
            raise VeraError(f"{path}: holds several image sequences; name one of them, as {names}")
        return _sequence(path, found[0]) if found else None
    if not is_pattern(path):
        return None
    place = _place(path.stem)
    head, tail = path.stem[: place.start()], path.stem[place.end() :] + path.suffix
    files = _pictures(path.parent) if path.parent.is_dir() else []
    numbered = [(file, file.name[len(head) : len(file.name) - len(tail)]) for file in files if _fits(file, head, tail)]
    texts = {text: file for file, text in numbered if re.fullmatch(r"-?[0-9]+", text)}
    if not texts:
        raise VeraError(f"{path}: no numbered pictures of this name; check the path")
    return _sequence(path.parent, _without_dashes(_Group(head, tail, texts)))


def source_files(path: Path | str) -> tuple[Path, ...]:
    """The files that a source consists of: all pictures of a sequence, else the file itself."""
    sequence = find_sequence(Path(path))
    return (Path(path),) if sequence is None else sequence.files


def _place(stem: str) -> re.Match[str]:
    """Where a pattern has its number: printf's form, or else the most hashes."""
    places = list(_PLACE.finditer(stem))
    return max(places, key=lambda place: (place[0].startswith("%"), len(place[0]), place.start()))


def _fits(file: Path, head: str, tail: str) -> bool:
    name = file.name
    return name.startswith(head) and name.endswith(tail) and len(name) > len(head) + len(tail)


def _pictures(folder: Path) -> list[Path]:
    return [
        file
        for file in folder.iterdir()
        if file.suffix.lower() in PICTURES and not file.name.startswith(".") and file.is_file()
    ]


def _groups(files: Iterable[Path]) -> list[_Group]:
    """Sort pictures into sequences: names alike but for one number, that which has most values, or else the last."""
    alike: dict[tuple[str, ...], list[tuple[Path, list[str]]]] = {}
    for file in files:
        parts = _DIGITS.split(file.stem)
        if len(parts) > 1:
            alike.setdefault((*parts[::2], file.suffix), []).append((file, parts))
    groups: dict[tuple[str, str], dict[str, Path]] = {}
    for found in alike.values():
        places = range(1, len(found[0][1]), 2)
        place = max(places, key=lambda place: (len({parts[place] for _, parts in found}), place))
        for file, parts in found:
            key = "".join(parts[:place]), "".join(parts[place + 1 :]) + file.suffix
            groups.setdefault(key, {})[parts[place]] = file
    return _signed([_Group(*key, texts) for key, texts in groups.items()])


def _signed(groups: list[_Group]) -> list[_Group]:
    """Join `a-2 a-1` to `a0 a1`: a dash is a sign where numbers go on from below 0, or after a point."""
    found = {(group.head, group.tail): group for group in groups}
    for (head, tail), group in list(found.items()):
        below = head[:-1]
        above = found.get((below, tail))
        if not head.endswith("-") or (above is None and below[-1:].isalnum()):
            continue
        texts = {f"-{text}": file for text, file in group.texts.items()}
        joined = _Group(below, tail, {**texts, **(above.texts if above else {})})
        if above is None or _hole(_numbers(joined)) is None:
            del found[head, tail]
            found[below, tail] = joined
    return list(found.values())


def _without_dashes(group: _Group) -> _Group:
    """Leave out numbers below 0 that do not go on to the others: there the dash is part of another name."""
    above = {text: file for text, file in group.texts.items() if not text.startswith("-")}
    if above and len(above) < len(group.texts) and _hole(_numbers(group)) is not None:
        return _Group(group.head, group.tail, above)
    return group


def _numbers(group: _Group) -> list[int]:
    return sorted(map(int, group.texts))


def _hole(numbers: list[int]) -> int | None:
    """The first number that is missing, or there twice."""
    return next((one + 1 for one, other in pairwise(numbers) if other != one + 1), None)


def _sequence(folder: Path, group: _Group) -> Sequence:
    numbers = _numbers(group)
    hole = _hole(numbers)
    if len(set(numbers)) < len(numbers):
        raise VeraError(f"{folder}: {group.hashes} has numbers twice, of different length; name one kind alone")
    if hole is not None:
        missing = numbers[-1] - numbers[0] + 1 - len(numbers)
        more = f" and {missing - 1} more" if missing > 1 else ""
        raise VeraError(f"{folder}: {group.hashes} lacks number {hole}{more}; render or copy what is missing")
    width = min(len(text.lstrip("-")) + text.startswith("-") for text in group.texts)
    if not all(_is_written(text, width) for text in group.texts):
        raise VeraError(f"{folder}: {group.hashes} has numbers of different length; rename them alike")
    place = f"%0{width}d" if width > 1 else "%d"
    files = {int(text): file for text, file in group.texts.items()}
    before = f"{folder / group.head}" if group.head else f"{folder}/"
    return Sequence(
        before.replace("%", "%%") + place + group.tail.replace("%", "%%"),
        numbers[0],
        tuple(files[number] for number in numbers),
        f"{group.head}{'#' * max(2, width)}{group.tail}",
    )


def _is_written(text: str, width: int) -> bool:
    """Whether a number is padded with zeros to `width`; below 0 with the sign or without, as programs differ."""
    number = int(text)
    return text in (f"{number:0{width}d}", f"-{-number:0{width}d}")
