"""Where the table of tasks lies: a SQLite file in the build's folder, or a PostgreSQL database that machines share."""

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from vera.errors import VeraError, first_line
from vera.optional import need

Row = tuple[Any, ...]
SCHEMES = ("postgresql", "postgres")


class Database(Protocol):
    """Statements have `?` for values."""

    def execute(self, statement: str, values: Sequence[Any] = ()) -> list[Row]:
        """Run a statement by itself or within a transaction; its rows."""

    def insert(self, statement: str, rows: Iterable[Row]) -> None:
        """Run a statement for each row of values."""

    def transaction(self) -> Any:
        """All or nothing of what a block does, with no other writer meanwhile: a context manager."""

    def close(self) -> None:
        """Close the connection."""


class Sqlite:
    """A file, whose loss costs nothing: it is made anew from the records. VeraError where it cannot be written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._told():
            self._db = sqlite3.connect(path, timeout=60, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=OFF")  # what a power cut takes is made anew

    def execute(self, statement: str, values: Sequence[Any] = ()) -> list[Row]:
        """Run a statement; its rows."""
        with self._told():
            return self._db.execute(statement, values).fetchall()

    def insert(self, statement: str, rows: Iterable[Row]) -> None:
        """Run a statement for each row of values."""
        with self._told():
            self._db.executemany(statement, rows)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing of what a block does."""
        with self._told(), self._db:
            self._db.execute("BEGIN IMMEDIATE")
            yield

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            what = "free space, then go on" if "full" in str(error) else "remove it: it is made anew from the records"
            raise VeraError(f"{self._path}: {error}; {what}") from None


class Postgres:
    """A schema of a database, of one build. VeraError where the database cannot be reached or refuses."""

    def __init__(self, url: str, build: Path) -> None:
        psycopg = need("psycopg", "psycopg[binary]", "an index in PostgreSQL", "postgres")
        self._error = psycopg.Error
        parts = urlsplit(url)
        self._where = f"{parts.scheme}://{parts.hostname or ''}{parts.path}"
        self._schema = f"vera_{hashlib.sha256(str(build.resolve()).encode()).hexdigest()[:16]}"
        with self._told():
            self._db = psycopg.connect(url, autocommit=True, connect_timeout=10)
            with self.transaction():
                self._db.execute(f"CREATE SCHEMA IF NOT EXISTS {self._schema}")
            self._db.execute(f"SET search_path TO {self._schema}")

    def execute(self, statement: str, values: Sequence[Any] = ()) -> list[Row]:
        """Run a statement; its rows."""
        with self._told():
            cursor = self._db.execute(statement.replace("?", "%s"), values)
            return list(cursor.fetchall()) if cursor.description is not None else []

    def insert(self, statement: str, rows: Iterable[Row]) -> None:
        """Run a statement for each row of values."""
        with self._told(), self._db.cursor() as cursor:
            cursor.executemany(statement.replace("?", "%s"), rows)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing of what a block does; writers of one build come one after the other."""
        with self._told(), self._db.transaction():
            self._db.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (self._schema,))
            yield

    def close(self) -> None:
        """Close the connection."""
        self._db.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except self._error as error:
            raise VeraError(f"index {self._where}: {first_line(error)}; the same command goes on later") from None


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
