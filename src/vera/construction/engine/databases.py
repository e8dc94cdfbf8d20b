"""Where the table of tasks lies: a SQLite file in the build's folder, or a PostgreSQL database that machines share."""

import hashlib
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from vera.errors import VeraError, first_line
from vera.optional import need

Row = tuple[Any, ...]
SCHEMES = ("postgresql", "postgres")


class Database(ABC):
    """A connection. Statements have `?` for values. VeraError where it cannot be had, or the database refuses."""

    _error: type[Exception]  # whatever the database raises
    _mark = "?"  # of a value, as the database takes it

    def __init__(self, connect: Callable[[], Any]) -> None:
        with self._told():
            self._db = connect()

    def execute(self, statement: str, values: Sequence[Any] = ()) -> list[Row]:
        """Run a statement by itself or within a transaction; its rows."""
        with self._told():
            cursor = self._db.execute(statement.replace("?", self._mark), values)
            return list(cursor.fetchall()) if cursor.description is not None else []

    def insert(self, statement: str, rows: Iterable[Row]) -> None:
        """Run a statement for each row of values."""
        with self._told(), closing(self._db.cursor()) as cursor:
            cursor.executemany(statement.replace("?", self._mark), rows)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing of what a block does, with no other writer meanwhile."""
        with self._told(), self._alone():
            yield

    def close(self) -> None:
        """Close the connection."""
        self._db.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except self._error as error:
            raise VeraError(self._message(error)) from None

    @abstractmethod
    def _alone(self) -> AbstractContextManager[None]:
        """A transaction, begun with the lock that keeps other writers out."""

    @abstractmethod
    def _message(self, error: Exception) -> str:
        """What went wrong, and what to do."""


class Sqlite(Database):
    """A file, whose loss costs nothing: it is made anew from the records."""

    _error = sqlite3.DatabaseError

    def __init__(self, path: Path) -> None:
        self._path = path
        super().__init__(lambda: sqlite3.connect(path, timeout=60, isolation_level=None))
        self.execute("PRAGMA journal_mode=WAL")
        self.execute("PRAGMA synchronous=OFF")  # what a power cut takes is made anew

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            yield

    def _message(self, error: Exception) -> str:
        what = "free space, then go on" if "full" in str(error) else "remove it: it is made anew from the records"
        return f"{self._path}: {error}; {what}"


class Postgres(Database):
    """A schema of a database, of one build."""

    _mark = "%s"

    def __init__(self, url: str, build: Path) -> None:
        psycopg = need("psycopg", "psycopg[binary]", "an index in PostgreSQL", "postgres")
        self._error = psycopg.Error
        parts = urlsplit(url)
        self._where = f"{parts.scheme}://{parts.hostname or ''}{parts.path}"
        self._schema = f"vera_{hashlib.sha256(str(build.resolve()).encode()).hexdigest()[:16]}"
        super().__init__(lambda: psycopg.connect(url, autocommit=True, connect_timeout=10))
        with self.transaction():
            self.execute(f"CREATE SCHEMA IF NOT EXISTS {self._schema}")
        self.execute(f"SET search_path TO {self._schema}")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with self._db.transaction():
            self._db.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (self._schema,))
            yield

    def _message(self, error: Exception) -> str:
        return f"index {self._where}: {first_line(error)}; the same command goes on later"


def open_database(url: str | None, path: Path) -> Database:
    """The database at a URL, or else the SQLite file at `path`. VeraError for what is no URL of PostgreSQL."""
    if url is None:
        return Sqlite(path)
    check_url(url, "index")
    return Postgres(url, path.parent)


def check_url(url: str, where: str) -> None:
    """VeraError unless `url` is of a PostgreSQL database, without a password, which would be copied with the recipe."""
    try:
        parts = urlsplit(url)
        right = parts.scheme in SCHEMES and bool(parts.path.strip("/")) and parts.port != 0
    except ValueError:
        right = False
    if not right:
        raise VeraError(f"{where}: is a URL such as postgresql://person@host/database")
    if parts.password or "password" in parts.query:
        raise VeraError(f"{where}: leave the password out, and give it in PGPASSWORD or ~/.pgpass")
