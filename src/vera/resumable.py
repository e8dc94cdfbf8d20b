"""Work that goes on in its folder: JSONL files to which rows are added, and a note of what the folder is made of.

A kill, or a full disk, may cut the last line of a JSONL file short.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

from vera.errors import VeraError
from vera.files import json_text, parse_json, read_bytes, read_json
from vera.whole import alone, made_folder, write_text

LIMIT = 1 << 30  # bytes: the log of a million steps has about 200 MB


def whole_rows(path: Path, mend: bool = True) -> bytes:
    """Return the whole lines of a file of JSON objects, nothing if there is no file.

    A last object without a line's end counts: a part of one is none. With `mend` it gets its end, and what was cut
    short is taken off the file, so that the next row stands alone: nothing is written for that, as the disk may be
    full.
    Raises VeraError for a file beyond all use.
    """
    if not path.is_file():
        return b""
    content = read_bytes(path, LIMIT)
    end = content.rfind(b"\n") + 1
    if end == len(content):
        return content
    if not _is_object(content[end:]):
        if mend:
            os.truncate(path, end)
        return content[:end]
    if mend:
        with path.open("ab") as file:
            file.write(b"\n")
    return content + b"\n"


def _is_object(text: bytes) -> bool:
    try:
        return isinstance(parse_json(text.decode("utf-8-sig"), ""), dict)
    except (VeraError, UnicodeDecodeError):
        return False


def read_rows(path: Path, mend: bool = True) -> list[dict[str, Any]]:
    """Return the JSON objects of `whole_rows`. Raises VeraError as `parse_rows`."""
    return [row for _, row in numbered_rows(path, mend)]


def numbered_rows(path: Path, mend: bool = True) -> list[tuple[int, dict[str, Any]]]:
    """Return what `read_rows` does, with the numbers of the lines."""
    return parse_rows(whole_rows(path, mend), path)


def parse_rows(content: bytes, path: Path) -> list[tuple[int, dict[str, Any]]]:
    """Return the JSON objects of a file's content, with the numbers of their lines.

    A byte-order mark and blank lines are passed over. Raises VeraError for what is not UTF-8 and, with the line, for
    what is no object.
    """
    try:
        # `splitlines` would cut a text at U+2028 and its like, which JSON may hold.
        lines = content.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise VeraError(f"{path}: is not UTF-8 text ({error.reason}); is it the right file?") from None
    rows = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        row = parse_json(line, f"{path}:{number}")
        if not isinstance(row, dict):
            raise VeraError(f"{path}:{number}: is no JSON object; take the line out, or choose another folder")
        rows.append((number, row))
    return rows


def append_row(path: Path, row: Mapping[str, Any]) -> None:
    """Add a row, on the disk when this returns. It is ASCII: no reader can take a part of its text for a line's end.

    Where that fails, as on a full disk, nothing of it stays, to which the next row would be glued.
    """
    line = json.dumps(row, allow_nan=False) + "\n"
    size = path.stat().st_size if path.is_file() else 0
    try:
        with path.open("a", encoding="ascii") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        with suppress(OSError):
            os.truncate(path, size)
        raise


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Make a folder, to which this process alone adds while the block runs. VeraError if another one does."""
    taken = f"{folder}: another process writes here; wait for it, or name another folder"
    with made_folder(folder), alone(folder / ".lock", taken):
        yield


def keep_note(
    path: Path, made: Mapping[str, Any], what: str, defaults: Mapping[str, Any] = MappingProxyType({})
) -> None:
    """Write what a folder is made of, JSON values by name, into a note in it, or compare it with the note there.

    What the note lacks, as earlier versions did not keep it or know it, is taken from `defaults`; a name that they lack
    too is added. VeraError, with what differs, if the folder holds `what` made of something else.
    """
    text = json_text(dict(made))
    now, held = parse_json(text, path), read_json(path) if path.is_file() else {}
    if not isinstance(held, dict):
        raise VeraError(f"{path}: does not tell what the folder is made of: name another folder")
    known = _filled(held, parse_json(json_text(dict(defaults)), path)) if held else {}
    if other := [name for name, value in known.items() if name not in now or now[name] != value]:
        raise VeraError(f"{path.parent}: holds {what} with another {' and '.join(other)}: name another folder")
    if held != now:
        write_text(path, text)


def _filled(held: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    """`held`, and what it lacks of `defaults`, also within mappings."""
    inner = {
        name: _filled(value, defaults[name])
        for name, value in held.items()
        if isinstance(value, dict) and isinstance(defaults.get(name), dict)
    }
    return defaults | held | inner
