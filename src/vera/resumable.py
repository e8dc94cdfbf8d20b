"""Work that goes on in its folder: JSONL files to which rows are added, and a note of what the folder is made of.

A kill, or a full disk, may cut the last line of a JSONL file short.
"""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

from vera.errors import VeraError
from vera.files import json_text, parse_json, read_bytes, read_json, write_text

LIMIT = 1 << 30  # bytes: the log of a million steps has about 200 MB


def whole_lines(path: Path, mend: bool = True) -> list[str]:
    """Return the whole lines of a UTF-8 file, none if there is no file; a byte-order mark is dropped.

    With `mend` a last line that was cut short is taken off the file, so that the next one stands alone: nothing is
    written for it, as the disk may be full. Raises VeraError for a file that is not UTF-8, or beyond all use.
    """
    if not path.is_file():
        return []
    content = read_bytes(path, LIMIT)
    end = content.rfind(b"\n") + 1
    if mend and end < len(content):
        os.truncate(path, end)
    try:
        # `splitlines` would cut a text at U+2028 and its like, which JSON may hold.
        return content[:end].decode("utf-8-sig").split("\n")[:-1]
    except UnicodeDecodeError as error:
        raise VeraError(f"{path}: is not UTF-8 text ({error.reason}); is it the right file?") from None


def read_rows(path: Path, mend: bool = True) -> list[dict[str, Any]]:
    """Return the JSON objects of `whole_lines`, one a line. Raises VeraError, with the line, for what is none."""
    rows = []
    for number, line in enumerate(whole_lines(path, mend), 1):
        row = parse_json(line, f"{path}:{number}")
        if not isinstance(row, dict):
            raise VeraError(f"{path}:{number}: is no JSON object; take the line out, or choose another folder")
        rows.append(row)
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
