"""Uploads that go on where they broke off: tus 1.0.0 with creation, termination and expiration."""

import asyncio
import json
import math
import os
import re
import secrets
import shutil
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from starlette.concurrency import run_in_threadpool

from vera.errors import VeraError
from vera.fields import Range, check_value
from vera.files import read_json
from vera.service.errors import ConflictError, MissingError, NoRoomError, TooLargeError
from vera.service.names import plain_name
from vera.whole import write_text

LIMIT = 50_000_000_000  # bytes of one upload
SPARE = 1 << 30  # bytes of the disk that uploads leave to the rest of the work
KEPT = 24 * 3600.0  # seconds that a partial upload waits to be taken up again
WHOLE = 7  # times as long for a whole one: others of its folder may still come
CHUNK = 1 << 20
_ID = re.compile("[0-9a-f]{32}")
_MISSING = "there is no such upload; it was removed, or nobody went on with it for a day"


@dataclass(frozen=True)
class _About:
    """What `upload.json` holds."""

    name: str
    length: Annotated[int, Range(0, math.inf)]


@dataclass(frozen=True)
class Upload:
    """A file that comes in pieces. `length` and `offset` in bytes: it is whole where they are equal.

    `name` is what its owner calls it, to be shown; `path` is where it lies, without a suffix.
    """

    id: str
    name: str
    length: int
    offset: int
    path: Path


class Uploads:
    """A folder of uploads, each in a folder of its own. How much of one is there, its file's size alone tells.

    Args:
        folder: made if there is none.
        limit: bytes of one upload.
        kept: seconds after which a partial upload that nobody goes on with is removed.
    """

    def __init__(self, folder: Path, limit: int = LIMIT, kept: float = KEPT) -> None:
        self.folder, self.limit, self.kept = folder, limit, kept
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._turns: dict[str, object] = {}
        self._touched: dict[str, float] = {}
        folder.mkdir(parents=True, exist_ok=True)
        self.expire()

    def create(self, length: int, name: str) -> Upload:
        """Begin an upload. Raises TooLargeError beyond the limit, NoRoomError where the disk could not hold it."""
        if length > self.limit:
            raise TooLargeError(f"a file of {length:,} bytes is more than the {self.limit:,} that this server takes")
        self.expire()
        promised = sum(found.length - found.offset for found in map(self._find, self._ids()) if found is not None)
        if length + promised + SPARE > shutil.disk_usage(self.folder).free:
            raise NoRoomError("the server's disk has no room for this file; free space, then try again")
        upload = secrets.token_hex(16)
        self._touched[upload] = time.monotonic()
        (self.folder / upload).mkdir()
        (self.folder / upload / "data").touch()
        write_text(self._about(upload), json.dumps({"name": plain_name(name), "length": length}))
        return self.get(upload)

    def get(self, upload: str) -> Upload:
        """An upload, as far as it is. Raises MissingError if there is none, or what is known of it was damaged."""
        found = self._find(upload)
        if found is None:
            raise MissingError(_MISSING)
        return found

    def whole(self, upload: str) -> Upload:
        """An upload that is whole. Raises ConflictError if it is not."""
        found = self.get(upload)
        if found.offset != found.length:
            raise ConflictError(f"{found.name}: {found.offset:,} of {found.length:,} bytes were uploaded; go on first")
        return found

    async def append(self, upload: str, offset: int, pieces: AsyncIterator[bytes]) -> int:
        """Add bytes from `offset` on, and return how many there are then.

        What arrived before a failure stays. A second request for one upload takes the place of the first, whose
        connection may be dead without anybody knowing. Raises ConflictError unless `offset` is where the upload ends,
        TooLargeError for more bytes than its length, OSError for a full disk.
        """
        async with self._locks[upload]:
            self._turns[upload] = turn = object()
            found = await run_in_threadpool(self.get, upload)
            if found.offset != offset:
                raise ConflictError(f"the upload goes on at byte {found.offset}, not {offset}")
        file = await run_in_threadpool(os.open, found.path, os.O_WRONLY)
        try:
            async for piece in _gathered(pieces):
                if offset + len(piece) > found.length:
                    raise TooLargeError("more bytes came than Upload-Length said")
                async with self._locks[upload]:
                    if self._turns.get(upload) is not turn:
                        raise ConflictError("another request goes on with this upload")
                    self._touched[upload] = time.monotonic()
                    await run_in_threadpool(_write, file, piece, offset)
                offset += len(piece)
            await run_in_threadpool(os.fsync, file)
        finally:
            os.close(file)
        return offset

    async def remove(self, upload: str) -> None:
        """Remove an upload, a damaged one as well. Raises MissingError if there is none."""
        async with self._locks[upload]:
            self._turns.pop(upload, None)
            if not _ID.fullmatch(upload) or not self._about(upload).is_file():
                raise MissingError(_MISSING)
            await run_in_threadpool(self._remove, upload)
        self._locks.pop(upload, None)

    def expire(self) -> None:
        """Remove uploads that nobody went on with for `kept` seconds; whole ones wait WHOLE times as long to be used.

        By the files' times, as this process's own clock begins with it; and by that clock, as the other may jump.
        """
        for folder in (self.folder / upload for upload in self._ids()):
            data, kept = folder / "data", self.kept * (WHOLE if self._is_whole(folder.name) else 1)
            old = time.time() - (data if data.exists() else folder).stat().st_mtime > kept
            quiet = time.monotonic() - self._touched.get(folder.name, -kept) > kept
            if old and quiet:
                self._remove(folder.name)

    def _is_whole(self, upload: str) -> bool:
        with suppress(VeraError):
            self.whole(upload)
            return True
        return False

    def _find(self, upload: str) -> Upload | None:
        if not _ID.fullmatch(upload):
            return None
        with suppress(VeraError, FileNotFoundError):
            about, data = check_value(_About, read_json(self._about(upload)), upload), self.folder / upload / "data"
            if about.length <= self.limit:
                return Upload(upload, about.name, about.length, data.stat().st_size, data)
        return None

    def _ids(self) -> list[str]:
        """The folders that may be uploads; what somebody else put here is left alone."""
        return [path.name for path in self.folder.iterdir() if _ID.fullmatch(path.name) and path.is_dir()]

    def _remove(self, upload: str) -> None:
        self._about(upload).unlink(missing_ok=True)  # first: without it there is no upload
        shutil.rmtree(self.folder / upload, ignore_errors=True)
        self._touched.pop(upload, None)

    def _about(self, upload: str) -> Path:
        return self.folder / upload / "upload.json"


async def _gathered(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Pieces of at least CHUNK bytes but the last, so that the disk is asked less often; where they break off, too."""
    held, broken = bytearray(), None
    try:
        async for piece in pieces:
            held += piece
            if len(held) >= CHUNK:
                yield bytes(held)
                held.clear()
    except Exception as error:
        broken = error
    if held:
        yield bytes(held)
    if broken is not None:
        raise broken


def _write(file: int, piece: bytes, offset: int) -> None:
    while piece:
        written = os.pwrite(file, piece, offset)
        piece, offset = piece[written:], offset + written
