"""A server's SQLite file: opened by one process, of one version, whole."""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vera.errors import VeraError, first_line

VERSION = 1
APPLICATION = 0x56455241  # "VERA"
QUEUE = """
CREATE TABLE jobs (
  id TEXT PRIMARY KEY, kind TEXT NOT NULL, key TEXT UNIQUE, spec TEXT NOT NULL, state TEXT NOT NULL,
  priority INTEGER NOT NULL, position INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
  worker TEXT, lease INTEGER NOT NULL DEFAULT 0, cancelling INTEGER NOT NULL DEFAULT 0, progress TEXT, error TEXT,
  result TEXT, previews INTEGER NOT NULL DEFAULT 0, created REAL NOT NULL, started REAL, ended REAL,
  number INTEGER NOT NULL);
CREATE INDEX claims ON jobs (state, priority DESC, position);
CREATE INDEX changes ON jobs (number);
CREATE TABLE events (number INTEGER PRIMARY KEY, job TEXT NOT NULL, at REAL NOT NULL, state TEXT NOT NULL, note TEXT);
CREATE INDEX history ON events (job, number);
CREATE TABLE queue (number INTEGER NOT NULL, paused INTEGER NOT NULL);
INSERT INTO queue VALUES (0, 0);
"""
_MARKS = f"""
PRAGMA application_id = {APPLICATION};
PRAGMA user_version = {VERSION};
"""


class Database:
    """The file, held by this process alone, made of the statements `schema` if there is none.

    Raises VeraError if another process holds it, or it is none that we read.
    """

    def __init__(self, path: Path, schema: str = QUEUE) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = _hold(path)
        try:
            self.connection = _connect(path, schema)
        except (sqlite3.DatabaseError, VeraError) as error:
            os.close(self._lock)
            if isinstance(error, VeraError):
                raise
            raise VeraError(f"{path}: is damaged ({first_line(error)}); move it away to begin a new one") from None

    @contextmanager
    def change(self, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """Give a transaction: all of the block is kept, or nothing. `durable`: a power cut does not undo it."""
        self.connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield self.connection
            self.connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):  # a full disk has rolled it back already
                self.connection.execute("ROLLBACK")
            raise

    def close(self) -> None:
        """Close the file, for another to open."""
        self.connection.close()
        os.close(self._lock)


def _hold(path: Path) -> int:
    lock = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise VeraError(f"{path}: another server uses it; end that one, or name another folder") from None
    return lock


def _connect(path: Path, schema: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
    try:
        _open(connection, path, schema)
    except BaseException:
        connection.close()
        raise
    return connection


def _open(connection: sqlite3.Connection, path: Path, schema: str) -> None:
    connection.row_factory = sqlite3.Row
    (application,), (version,), (tables,) = (
        connection.execute(query).fetchone()
        for query in ("PRAGMA application_id", "PRAGMA user_version", "SELECT count(*) FROM sqlite_schema")
    )
    if tables and application != APPLICATION:
        raise VeraError(f"{path}: is a database of another program; name another folder")
    if version > VERSION:
        raise VeraError(f"{path}: was written by a newer version of Vera; use that one, or name another folder")
    connection.execute("PRAGMA journal_mode=WAL")
    if not tables:
        connection.executescript(f"BEGIN IMMEDIATE;{schema}{_MARKS}COMMIT;")
    (checked,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if checked != "ok":
        raise sqlite3.DatabaseError(checked)
