"""A build's samples on another storage, by fsspec: clips first, and the rows that name them when they are whole there.

Storages of objects cannot rename, and need not: an object appears whole. Rows whose clips will change are taken off the
index first, so whatever stops the work, every row that is there names its own clips, and the same call goes on.
A build itself stays on paths: its stages map files, lock folders and rename, which no such storage does.
"""

import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vera.construction.construct import reopened
from vera.construction.dataset import is_own
from vera.construction.engine.record import NAME, Layout
from vera.errors import VeraError, first_line
from vera.files import parse_json, read_bytes, real_path
from vera.optional import need
from vera.progress import Progress
from vera.whole import whole_file

NAMED = "name"  # of a build's folder: its name and, in a line of its own, where that was given
HELD = "vera-published.json"  # which build published there, and what, with SHA-256
FEWEST = 100  # clips after which it is written anew, or a tenth of all if that is more
PATHS = "_path"  # how the fields of a row that name clips end
PIECE = 1 << 20  # bytes
CLIP = re.compile(rf"({NAME}/)*{NAME}\.mp4", re.ASCII)  # nothing that leads out of the storage's folder


def publish(out: Path, to: str, progress: Progress | None = None) -> tuple[int, int]:
    """Bring the samples of the build in `out` to the URL `to`: how many rows lie there then, and how many clips of them
    were sent now.

    VeraError where there is no build, nothing is published in it, another build was published to `to`, or the storage
    refuses.
    """
    hashes, rows = _own(out)
    if not rows:
        raise VeraError(f"{out}: has no samples; vera data build makes them")
    build = _name(Layout(out))
    with _told(to):
        storage = _Storage(to)
        held = storage.held(build, hashes)
        named = {path for lines in rows.values() for line in lines for path in _clips(line)}
        new = sorted(path for path in named if held.get(path) != hashes[path] or not storage.has(path))
        storage.withdraw(set(new))
        for number, path in enumerate(new, 1):
            storage.send(out / "dataset" / path, path)
            held[path] = hashes[path]
            if number % max(FEWEST, len(held) // 10) == 0:
                storage.keep(build, held)
            if progress is not None:
                progress("publish", number, len(new))
        storage.keep(build, held)
        for index, lines in rows.items():
            storage.write_rows(index, lines, set(held))
        storage.withdraw(set(held) - named)  # rows of an index that is gone here
        storage.remove(set(held) - named)
        storage.keep(build, {path: hashes[path] for path in sorted(named)})
    return sum(map(len, rows.values())), len(new)


def _own(out: Path) -> tuple[Mapping[str, str], Mapping[str, list[bytes]]]:
    """Hashes of the samples' clips, from the records, and the lines of each index, by their paths in the data set."""
    with reopened(out) as build:
        layout: Layout = build.layout
        files = {
            path: digest
            for about in build.held()
            for entry in build.record(about).stages.values()
            for path, digest in entry.files.items()
        }
    prefix = f"{layout.dataset.relative_to(out).as_posix()}/"
    hashes = {path.removeprefix(prefix): digest for path, digest in files.items() if path.startswith(prefix)}
    indexes = sorted(layout.dataset.glob("*/*/*.jsonl"))
    rows = {
        path.relative_to(layout.dataset).as_posix(): lines
        for path in indexes
        if (lines := [line for line in path.read_bytes().splitlines() if is_own(line)])
    }
    missing = sorted({clip for lines in rows.values() for line in lines for clip in _clips(line)} - set(hashes))
    if missing:
        raise VeraError(f"{layout.dataset / missing[0]}: is in no record; run vera data build, then publish")
    return hashes, rows


def _name(layout: Layout) -> str:
    """What tells a build from others, wherever its folder is moved.

    A copy, whose original is still where the name was given, gets a name of its own.
    """
    path, here = layout.root / NAMED, os.fsencode(real_path(layout.root))
    name, place = _named(layout.root)
    if not name or (place and place != here and _named(Path(os.fsdecode(place)))[0] == name):
        name = secrets.token_hex(8)
    if (name, here) != _named(layout.root):
        with whole_file(path) as partial:
            partial.write_bytes(name.encode() + b"\n" + here)
    return name


def _named(root: Path) -> tuple[str, bytes]:
    """The name of a build's folder, and where it was given; earlier versions did not keep the place."""
    path = root / NAMED
    name, _, place = (read_bytes(path) if path.is_file() else b"").partition(b"\n")
    return name.decode("ascii", "replace"), place


def _clips(line: bytes) -> set[str]:
    """The clips that a row names; none for what no build wrote."""
    if not is_own(line):
        return set()
    return {value for name, value in json.loads(line).items() if name.endswith(PATHS) and value is not None}


class _Storage:
    """A folder of a storage that fsspec knows by its URL."""

    def __init__(self, url: str) -> None:
        fsspec = need("fsspec", "fsspec", "publishing", "construct")
        self.system, root = fsspec.core.url_to_fs(url)
        self.root = root.rstrip("/")

    def has(self, path: str) -> bool:
        """Whether something lies there."""
        return bool(self.system.exists(f"{self.root}/{path}"))

    def held(self, build: str, own: Mapping[str, str]) -> dict[str, str]:
        """Hashes of the clips that a build sent before. VeraError where they are another's; earlier versions kept no
        name, so that what has no clip of its `own` is taken for another's."""
        if not self.has(HELD):
            return {}
        told = parse_json(self._read(HELD).decode(), f"{self.root}/{HELD}")
        clips = told.get("clips", told)
        if not all(CLIP.fullmatch(path) for path in clips):
            raise VeraError(f"{self.root}/{HELD}: is not as vera data build publish wrote it; name another place")
        if told["build"] != build if "build" in told else not set(clips) & set(own):
            raise VeraError(f"{self.root}: holds the samples of another build; name another place for these")
        return dict(clips)

    def keep(self, build: str, clips: Mapping[str, str]) -> None:
        """Write down what a build has sent."""
        self._write(HELD, json.dumps({"build": build, "clips": clips}).encode())

    def withdraw(self, clips: set[str]) -> None:
        """Take rows that name any of these off the indexes."""
        for place in self.system.find(self.root, maxdepth=3):  # not by a pattern, which the root itself may look like
            path = str(place)[len(self.root) + 1 :]
            if path.count("/") == 2 and path.endswith(".jsonl"):
                self.write_rows(path, [], clips)

    def write_rows(self, path: str, rows: Sequence[bytes], clips: set[str]) -> None:
        """Have these rows take the place of those that name any of `clips` in an index; others stay."""
        lines = self._read(path).splitlines() if self.has(path) else []
        wanted = [*(line for line in lines if not clips & _clips(line)), *rows]
        if wanted != lines:
            self._write(path, b"".join(line + b"\n" for line in wanted))

    def send(self, file: Path, path: str) -> None:
        """Copy a file, whole or not at all."""
        with file.open("rb") as source, self._whole(path) as target:
            while piece := source.read(PIECE):
                target.write(piece)

    def remove(self, clips: set[str]) -> None:
        """Remove what no row names any more."""
        for path in sorted(clips):
            if self.has(path):
                self.system.rm_file(f"{self.root}/{path}")

    def _read(self, path: str) -> bytes:
        return bytes(self.system.cat_file(f"{self.root}/{path}"))

    def _write(self, path: str, text: bytes) -> None:
        with self._whole(path) as target:
            target.write(text)

    @contextmanager
    def _whole(self, path: str) -> Iterator[Any]:
        place = f"{self.root}/{path}"
        self.system.makedirs(place.rpartition("/")[0], exist_ok=True)
        with self.system.transaction, self.system.open(place, "wb") as target:
            yield target


@contextmanager
def _told(to: str) -> Iterator[None]:
    try:
        yield
    except VeraError:
        raise
    except Exception as error:  # of anybody's storage, anything
        raise VeraError(f"{to}: cannot be written ({first_line(error)}); what was sent is kept, go on") from None
