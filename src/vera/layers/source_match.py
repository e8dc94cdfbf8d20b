"""Whether layers belong to a clip: by its length, size and hash as recorded, and by the times of its frames."""

from bisect import bisect_left
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from vera.errors import VeraError
from vera.files import file_hash
from vera.layers.layered_edit import LayeredEdit
from vera.video import Clip
from vera.video.open import check_unchanged
from vera.video.sequence import source_files


def describe_source(clip: Clip) -> dict[str, Any]:
    """What a manifest records of the clip that layers are made for, to know it again.

    Reads all of the file, for its SHA-256. VeraError if it is no longer the one that was probed: it would be another
    clip's hash.
    """
    record: dict[str, Any] = {"name": clip.path.name, "frames": clip.frame_count, "bytes": _size(clip)}
    record["sha256"] = _digest(clip)
    check_unchanged(clip.path, clip.state)
    return record


def check_source(edit: LayeredEdit, clip: Clip) -> None:
    """VeraError if the layers record that they were made for another file. Reads the file only if its size is right."""
    record = edit.metadata.get("source")
    if not isinstance(record, Mapping):
        return
    found: dict[str, Any] = {"frames": clip.frame_count, "bytes": _size(clip)}
    for name, value in found.items():
        if record.get(name, value) != value:
            raise _foreign(clip, record, f"it has {value:,} {name}, that one {record[name]:,}")
    if "sha256" in record and record["sha256"] != _digest(clip):
        raise _foreign(clip, record, "their bytes differ")


def frame_map(edit: LayeredEdit, clip: Clip, force: bool = False) -> dict[int, int]:
    """Which layer frame belongs to the source frame of a time: pts of the clip -> index in the layers.

    With `force` a layer frame belongs to the nearest source frame, if that is less than half its length away. VeraError
    if the times are not the clip's, or with `force` if none of them is.
    """
    if edit.time_base == clip.time_base and set(edit.pts) <= set(clip.pts):
        return {pts: index for index, pts in enumerate(edit.pts)}
    if not force:
        if _is_of_another_rate(edit, clip):
            raise VeraError(f"{clip.path}: the layers were made of it at another rate; add --rate {1 / edit.time_base}")
        raise VeraError(
            f"{clip.path}: the layers were made for another clip: their frame times are not in this one; "
            "give that clip, or --force to lay them over the nearest frames"
        )
    durations = clip.frame_durations()
    found: dict[int, int] = {}
    for index, pts in enumerate(edit.pts):
        time = pts * edit.time_base / clip.time_base
        place = bisect_left(clip.pts, time)
        nearest = min(clip.pts[max(place - 1, 0) : place + 1], key=lambda candidate: abs(candidate - time))
        if abs(nearest - time) * 2 < durations[nearest]:
            found.setdefault(nearest, index)
    if not found:
        raise VeraError(f"{clip.path}: none of the layers' frames is shown at the time of one of this clip's frames")
    return found


def _is_of_another_rate(edit: LayeredEdit, clip: Clip) -> bool:
    """Whether the layers were made for the same pictures of an image sequence, whose files do not say their rate."""
    record = edit.metadata.get("source")
    same = clip.container == "image2" and isinstance(record, Mapping) and record.get("sha256") == _digest(clip)
    return same and set(edit.pts) <= set(clip.pts)


def _foreign(clip: Clip, record: Mapping[str, Any], what: str) -> VeraError:
    return VeraError(
        f"{clip.path}: is not the clip that the layers were made for, {record.get('name', 'another')}: {what}; "
        "give that clip, or --force"
    )


def _size(clip: Clip) -> int:
    return sum(file.stat().st_size for file in source_files(clip.path))


def _digest(clip: Clip) -> str:
    """Of the file, or of all pictures of a sequence, one after the other."""
    files = source_files(clip.path)
    return _digest_of(files, tuple((file.stat().st_size, file.stat().st_mtime_ns) for file in files))


@lru_cache(maxsize=4)
def _digest_of(files: tuple[Path, ...], states: tuple[tuple[int, int], ...]) -> str:
    """An edit records its source and is laid over it at once, and every layer of a stack asks: read the files once.

    `states`, size and time of change, tell when they are no longer what was read.
    """
    return file_hash(*files)
