"""The file of a build's tasks, and the clock that leases run by."""

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import RLock
from typing import Annotated, Any, Literal, get_args

from vera.fields import Range, Share, build
from vera.jobs.database import Database

Gate = Literal["annotate", "filter", "curate", "proofread", "background_proofread"]
Role = Literal["work", "adjudicate"]
GATES: tuple[Gate, ...] = get_args(Gate)

# A task is open until all that were wanted have answered, then settled, or disputed until somebody decides; gone if
# the build does not wait for it any more. A lease is open, expired or done; its number is the order of claims. One that
# expired and has an answer is void: what it was of was made anew.
_SCHEMA = """
CREATE TABLE tasks (
  number INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, gate TEXT NOT NULL, clip TEXT NOT NULL, object TEXT NOT NULL,
  truth TEXT, wanted INTEGER NOT NULL, state TEXT NOT NULL, agreement REAL, decision TEXT,
  logged INTEGER NOT NULL DEFAULT 0);
CREATE INDEX queues ON tasks (gate, state, number);
CREATE TABLE leases (
  number INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, task INTEGER NOT NULL REFERENCES tasks (number),
  person TEXT NOT NULL, role TEXT NOT NULL, state TEXT NOT NULL, began REAL NOT NULL, ended REAL, answer TEXT,
  score REAL, UNIQUE (task, person));
CREATE INDEX people ON leases (person, state);
CREATE TABLE events (
  lease INTEGER NOT NULL REFERENCES leases (number), seq INTEGER NOT NULL, at REAL NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (lease, seq));
"""


@dataclass(frozen=True)
class Rules:
    """How work is shared out.

    Args:
        lease: seconds that a task is somebody's after their last sign of life.
        overlap: share of the tasks that a second person answers without seeing the first.
        gold: share of each person's tasks whose answer is known.
        agree: overlap of masks (J) from which two answers are the same.
    """

    lease: Annotated[float, Range(1, 86_400)] = 900.0
    overlap: Share = 0.1
    gold: Share = 0.05
    agree: Share = 0.85
    most_events: int = 3000  # of one lease
    most_points: int = 100  # in one frame of one object


def make_rules(**values: float) -> Rules:
    """The rules with some values of their own. VeraError for what is out of range."""
    rules: Rules = build(Rules, values, "rules")
    return rules


class Store:
    """The file, held by one server; safe for threads.

    Leases run by `clock`, which only rises and is this server's: no other machine's clock, nor a jump of this one's,
    ends one. After a restart every open lease is a new one. `wall`: seconds since 1970, for what is written down.
    """

    def __init__(
        self,
        path: Path,
        rules: Rules | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.rules, self.clock, self.wall, self.lock = rules or Rules(), clock, wall, RLock()
        self._database = Database(path, _SCHEMA)
        rows = self.rows("SELECT number FROM leases WHERE state = 'open'")
        self.until = {row["number"]: clock() + self.rules.lease for row in rows}

    @contextmanager
    def change(self) -> Iterator[None]:
        """Keep all changes of the block, on the disk, or none of them."""
        with self.lock, self._database.change():
            yield

    def rows(self, query: str, *values: Any) -> list[sqlite3.Row]:
        """Rows of a query."""
        with self.lock:
            return self._database.connection.execute(query, values).fetchall()

    def row(self, query: str, *values: Any) -> sqlite3.Row | None:
        """The first row of a query."""
        return next(iter(self.rows(query, *values)), None)

    def count(self, query: str, *values: Any) -> int:
        """The number that a query has in its first row."""
        return int(self.rows(query, *values)[0][0])

    def time(self) -> str:
        """The wall clock's time as text, for people."""
        return datetime.fromtimestamp(self.wall(), UTC).isoformat(timespec="milliseconds")

    def close(self) -> None:
        """Close the file, for another server to open."""
        self._database.close()


def packed(value: Any) -> str:
    """JSON as it is kept: equal values are equal texts."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
