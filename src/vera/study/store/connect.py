"""Open a study's database, and write into it so that what is acknowledged is on the disk."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError

from vera.errors import VeraError, first_line
from vera.study.store.tables import metadata

WAIT = 30  # seconds for another process that writes
_READS = "vera_reads"  # the option of a connection that only reads
_writing = threading.Lock()  # SQLite's own wait for a writer sleeps, and answers would come late


def open_database(database: str | Path) -> Engine:
    """Open `sqlite` at a path, or PostgreSQL at a URL, and make its tables where they are missing.

    VeraError for a URL of another kind and a database that cannot be reached.
    """
    url = _url(database)
    engine = create_engine(url, pool_pre_ping=url.get_backend_name() != "sqlite", **_pool(url))
    if url.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _safe)
        event.listen(engine, "begin", _begin)
    try:
        metadata.create_all(engine)
        forget(engine)  # what a process deleted that was killed before it could
    except (DBAPIError, sqlite3.Error) as error:
        where, failure = url.render_as_string(hide_password=True), getattr(error, "orig", None) or error
        raise VeraError(f"{where}: the database cannot be opened ({first_line(failure)})") from None
    return engine


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Give a connection whose changes are all on the disk when the block has ended, or none of them."""
    with _writing if engine.dialect.name == "sqlite" else nullcontext(), engine.begin() as connection:
        yield connection


def forget(engine: Engine) -> None:
    """Have SQLite's log hold nothing of what was deleted: until it starts anew, it has all that was ever written.

    It waits for who reads. PostgreSQL has its own time for that, at its next VACUUM.
    """
    if engine.dialect.name == "sqlite":
        with _writing, closing(engine.raw_connection()) as connection:
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Give a connection that reads one state of the database, waits for no writer, and lets none wait."""
    options = {_READS: True} if engine.dialect.name == "sqlite" else {"isolation_level": "REPEATABLE READ"}
    with engine.connect().execution_options(**options) as connection:
        yield connection


def is_away(error: DBAPIError) -> bool:
    """Whether a database did not answer, as while it restarts: the same may succeed later."""
    return isinstance(error, OperationalError) or error.connection_invalidated


def _url(database: str | Path) -> URL:
    if isinstance(database, Path):
        return URL.create("sqlite", database=str(database.absolute()))
    try:
        url = make_url(database)
        if url.get_backend_name() == "postgresql":
            return url.set(drivername="postgresql+psycopg")
        if url.drivername == "sqlite" and url.database:
            return url
    except (ArgumentError, NoSuchModuleError, ValueError):
        pass
    raise VeraError("--database: is postgresql://USER@HOST/NAME or sqlite:///PATH")


def _pool(url: URL) -> dict[str, Any]:
    if url.get_backend_name() == "sqlite":
        return {"pool_size": 40, "max_overflow": 0, "connect_args": {"timeout": WAIT}}
    return {"pool_size": 20, "max_overflow": 20, "pool_timeout": WAIT, "connect_args": {"connect_timeout": 5}}


def _begin(connection: Connection) -> None:
    """Begin a transaction: who writes takes SQLite's lock at once, who reads sees the last commit and takes none."""
    reads = connection.get_execution_options().get(_READS)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _safe(connection: Any, _: Any) -> None:
    """Have a connection keep what it acknowledged through a power cut, and overwrite what is deleted."""
    connection.isolation_level = None  # the driver's own transactions begin late: ours begin by `begin`
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}")
