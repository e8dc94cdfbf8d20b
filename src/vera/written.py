"""A folder that says what was written into it, so that of its former self only that is replaced, if it is unchanged."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from vera.errors import VeraError
from vera.files import FRAMES_LIMIT, file_hash, json_text, read_json
from vera.whole import check_replaceable, whole_folder, write_text


@contextmanager
def own_folder(folder: Path, record: str) -> Iterator[Path]:
    """Give an empty folder that takes the name `folder` as `whole_folder` does; `record` lists there what was written.

    Of a folder of that name go the files that its own `record` lists, if they are as they were written. All others
    stay, as `former NAME` where the new one has the name. Raises VeraError as `check_replaceable`.
    """
    check_replaceable(folder)
    with whole_folder(folder, lambda former: as_written(former, record)) as partial:
        yield partial
        write_text(partial / record, json_text({"contents": list_contents(partial)}) + "\n")


def list_contents(folder: Path) -> dict[str, str]:
    """Size and hash of every file in `folder`, by its path there: what a later run may replace."""
    return {path: fingerprint(folder / path) for path in sorted(files_in(folder))}


def as_written(folder: Path, record: str) -> set[str]:
    """Files in `folder` that are as its `record` lists them, and the record; none if that is missing or no record."""
    try:
        listed = read_listed(folder / record)
    except VeraError:
        return set()
    same = {path for path in files_in(folder) & listed.keys() if fingerprint(folder / path) == listed[path] != ""}
    return same | {record}


def read_listed(record: Path) -> dict[str, Any]:
    """Size and hash of what a record lists, by path. Raises VeraError if it is none."""
    found = read_json(record, FRAMES_LIMIT)
    contents = found.get("contents") if isinstance(found, dict) else None
    if not isinstance(contents, dict):
        raise VeraError(f"{record}: does not list what was written; remove the folder or choose another")
    return contents


def files_in(folder: Path) -> set[str]:
    """Paths in `folder` of all that is no folder; links are not followed."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()}


def fingerprint(path: Path) -> str:
    """Size and SHA-256 of a file; nothing of what is none, such as a link, or cannot be read."""
    with suppress(VeraError, OSError):
        if not path.is_symlink() and path.is_file():
            state = path.stat()
            return f"{state.st_size} {_digest(path, state.st_ino, state.st_size, state.st_mtime_ns)}"
    return ""


@lru_cache(maxsize=2**20)
def _digest(path: Path, *state: int) -> str:
    """A folder is compared before it is begun and when it is replaced; `state` tells when the file is another."""
    return file_hash(path)
