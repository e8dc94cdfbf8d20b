"""Which file of a folder is the edit of a case: by name alone, as `docs/evaluation.md` says."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from vera.errors import VeraError

VIDEOS = frozenset((
    ".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".mpg", ".mpeg", ".ts", ".mts", ".mxf", ".gif",
    ".ogv", ".wmv", ".flv", ".3gp", ".y4m", ".h264", ".h265", ".hevc",
))  # fmt: skip
RESULT = "result"  # of a folder for each case: the stem of its finished clip
LAYERS = "layers"  # of the same: its layer folder


@dataclass(frozen=True)
class Match:
    """The clip of a case, or the folder of numbered pictures that it is, and its layer folder where there is one."""

    clip: Path
    layers: Path | None = None


@dataclass(frozen=True)
class Matches:
    """What was found: a match or the reason for none, by case, and the entries that belong to no case."""

    found: dict[str, Match]
    refused: dict[str, str]
    strangers: list[str] = field(default_factory=list)


def match_cases(folder: Path, cases: Iterable[str]) -> Matches:
    """Find the clip of each case in a folder. VeraError if there is no such folder, or nothing in it is a case's.

    An entry belongs to the case whose name its own is, without a video's suffix; both are compared in Unicode's
    composed form, without regard to capitals. It is a file with a video's suffix, or a folder: one that holds `result`
    with such a suffix, and perhaps `layers`, or numbered pictures. Two entries of one case are refused.
    """
    if not folder.is_dir():
        raise VeraError(f"{folder}: is no folder of videos")
    entries: dict[str, list[Path]] = defaultdict(list)
    for entry in sorted(folder.iterdir()):
        if not entry.name.startswith(".") and (entry.is_dir() or entry.suffix.lower() in VIDEOS):
            entries[_plain(entry.name if entry.is_dir() else entry.stem)].append(entry)
    if not entries:
        raise VeraError(f"{folder}: holds no videos")
    result, count = Matches({}, {}), len(entries)
    for case in cases:
        found = entries.pop(_plain(case), [])
        if len(found) == 1:
            _take(result, case, found[0])
        elif found:
            result.refused[case] = f"two clips have its name, {found[0].name} and {found[1].name}: keep one"
        else:
            result.refused[case] = "there is no clip of its name"
    if len(entries) == count:
        name = next(iter(result.refused))
        raise VeraError(f"{folder}: none of its {count} videos has the name of a case, such as {name}.mp4")
    result.strangers.extend(entry.name for left in entries.values() for entry in left)
    return result


def _take(result: Matches, case: str, entry: Path) -> None:
    if not entry.is_dir():
        result.found[case] = Match(entry)
        return
    clips = [path for path in sorted(entry.iterdir()) if path.stem == RESULT and path.suffix.lower() in VIDEOS]
    if len(clips) > 1:
        result.refused[case] = f"its folder holds two results, {clips[0].name} and {clips[1].name}: keep one"
        return
    layers = entry / LAYERS
    result.found[case] = Match(clips[0] if clips else entry, layers if clips and layers.is_dir() else None)


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
