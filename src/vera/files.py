"""Text of strangers within limits, and outputs that spare the inputs."""

import errno
import hashlib
import json
import os
import re
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any

from vera.errors import VeraError

FULL_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}  # errors that free space would mend
DEEPEST = 64  # levels of JSON: deeper ones run Python's own stack out where they are shown or written again
TEXT_LIMIT = 16 << 20  # bytes: what people and programs write by the way is far shorter
FRAMES_LIMIT = 512 << 20  # bytes, of a record of every frame: a manifest of ten hours at 60 a second has up to 320 MB


def full_disk(error: BaseException | None) -> OSError | None:
    """Return the error of a full disk that `error` is, or was raised for: no fault of what was worked on."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in FULL_DISK:
            return error
        error = error.__cause__ or error.__context__
    return None


def read_text(path: Path, limit: int = TEXT_LIMIT, errors: str = "strict") -> str:
    """Read a UTF-8 text file of at most `limit` bytes; a byte-order mark is dropped.

    `errors`: what to do with bytes that are not UTF-8, as Python names it. Raises VeraError as `read_bytes`, and if it
    is not UTF-8.
    """
    try:
        return read_bytes(path, limit).decode("utf-8-sig", errors)
    except UnicodeDecodeError:
        raise VeraError(f"{path}: is not UTF-8 text; is it the right file?") from None


def read_bytes(path: Path, limit: int = TEXT_LIMIT) -> bytes:
    """Read a file of at most `limit` bytes.

    Raises VeraError if it is missing, no regular file or longer. Devices and sparse giants are not read.
    """
    with _readable(path) as size:
        if size > limit:
            raise VeraError(f"{path}: has {size:,} bytes, at most {limit:,} are read; is it the right file?")
        return path.read_bytes()


def file_hash(*paths: Path) -> str:
    """Return the SHA-256, in hexadecimal digits, of a file, or of several one after the other, read piece by piece.

    Raises VeraError if one is missing or no regular file.
    """
    digest = hashlib.sha256()
    for path in paths:
        with _readable(path), path.open("rb") as file:
            hashlib.file_digest(file, lambda: digest)
    return digest.hexdigest()


@contextmanager
def _readable(path: Path) -> Iterator[int]:
    """Give the bytes that a regular file has; what the system says of it comes as VeraError."""
    try:
        held = path.stat()  # before opening: a pipe would wait for its other end
        if not stat.S_ISREG(held.st_mode):
            raise VeraError(f"{path}: is not a regular file; name one")
        yield held.st_size
    except OSError as error:
        raise VeraError(f"{path}: cannot be read ({error.strerror or error}); check the path") from None
    except ValueError as error:
        if isinstance(error, VeraError):
            raise
        raise VeraError(f"{path}: cannot be the name of a file; check the path") from None  # it holds a NUL


def read_json(path: Path, limit: int = TEXT_LIMIT) -> Any:
    """Read a JSON file as `read_text` reads text. Raises VeraError for what is no JSON or nested beyond all use."""
    return parse_json(read_text(path, limit), path)


def parse_json(text: str, where: object) -> Any:
    """Parse JSON that a stranger wrote. Raises VeraError, which begins with `where`, for whatever is wrong with it."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise VeraError(f"{where}: is not JSON that can be read; is it whole, and the right file?") from None
    depth = 0
    for token in re.finditer(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token[0], 0)
        if depth > DEEPEST:
            raise VeraError(f"{where}: is nested more than {DEEPEST} levels deep; is it the right file?")
    return value


def json_text(value: Any) -> str:
    """Return JSON as text that UTF-8 can hold, indented, with letters as they are.

    Half a surrogate pair, which is how Python spells a byte of a file name that is not UTF-8, is escaped: `parse_json`
    gives it back, so the name is the very same bytes again.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return re.sub("[\ud800-\udfff]", lambda half: f"\\u{ord(half[0]):04x}", text)


def real_path(path: Path) -> Path:
    """Follow all links. A loop of links ends where it began, to be refused when it is opened."""
    return Path(os.path.realpath(path))


def check_outputs(inputs: Iterable[Path | None], outputs: Iterable[Path | None]) -> None:
    """Raise VeraError if writing `outputs`, files or folders, would touch one of the `inputs` or one another.

    Files are compared by inode, so that links are seen through. An input inside of an output folder counts as well, and
    so does an output inside of another. None stands for what was not asked for.
    """
    files = [path for path in inputs if path is not None]
    known = {key: path for path in files if (key := inode(path))}
    folders = {real_path(folder) for folder in {path.absolute().parent for path in files}}
    folders |= {real_path(path).parent for path in files if path.is_symlink()}
    seen: dict[Path, Path] = {}
    for output in outputs:
        if output is None:
            continue
        place = real_path(output)
        if place in seen:
            raise VeraError(f"{output}: is named for two outputs; give each its own name")
        source = known.get(inode(place) or (0, 0))
        if source is not None:
            name = "" if source == output else f" as {source}"
            raise VeraError(f"{output}: is read{name} by the same command; choose another name for it")
        if any(folder.is_relative_to(place) for folder in folders):
            raise VeraError(f"{output}: holds files that the same command reads; choose another folder for it")
        for other, written in seen.items():
            if place.is_relative_to(other) or other.is_relative_to(place):
                raise VeraError(f"{output}: {written} is written by the same command; name one outside of the other")
        seen[place] = output


def check_place(file: Path) -> None:
    """Raise VeraError where no file can be written under this name: in no folder, or as one."""
    if not file.parent.is_dir():
        raise VeraError(f"{file}: the folder {file.parent} does not exist; create it first")
    if file.is_dir():
        raise VeraError(f"{file}: is a folder; give the name of a file in it")


def files_below(path: Path, limit: int = 10_000) -> list[Path]:
    """List a file itself, or what lies in a folder and in the folders of it, as a model's files do; [] for no path."""
    below = (found for pattern in ("*", "*/*") for found in path.glob(pattern))
    return [path, *islice(below, limit)] if path.is_dir() else [path] * path.exists()


def link_or_copy(path: Path, to: Path) -> None:
    """Give a file that nobody will change a second name, or copy it on a file system without links.

    Of a symbolic link it is the file that gets one, not the link, which might lead nowhere from there.
    """
    try:
        to.hardlink_to(real_path(path))
    except OSError:
        shutil.copyfile(path, to)


def inode(path: Path) -> tuple[int, int] | None:
    """Return what tells a file from all others, whatever its name; None of one that is missing."""
    with suppress(OSError):
        found = path.stat()
        return found.st_dev, found.st_ino
    return None
