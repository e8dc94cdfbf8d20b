"""The states of all tasks in one table, to claim from and to count: made anew from the records at any time."""

import json
import os
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import psutil

from vera.construction.engine.databases import Database
from vera.construction.engine.state import Task

LEASE = 60.0  # seconds after which the tasks of a build that says nothing are anybody's
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS tasks (kind TEXT, unit TEXT, object TEXT, stage TEXT, rank INTEGER, state TEXT, "
    "fingerprint TEXT, stale INTEGER, reason TEXT, detail TEXT, decision TEXT, owner TEXT DEFAULT '', "
    "lease DOUBLE PRECISION DEFAULT 0, PRIMARY KEY (unit, object, stage))",
    "CREATE INDEX IF NOT EXISTS claims ON tasks (state, rank DESC, unit)",
)
_FIELDS = "kind, unit, object, stage, rank, state, fingerprint, stale, reason, detail, decision"


class Index:
    """The table, open for one build, whose claims have its name; several builds may share it."""

    def __init__(self, database: Database) -> None:
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{_born(psutil.Process()):.2f}"
        self._db = database
        with self._db.transaction():
            for statement in _SCHEMA:
                self._db.execute(statement)

    def put(self, unit: str, derive: Callable[[], list[Task]]) -> list[Task] | None:
        """Let what `derive` says, while nobody can claim, take the place of a unit's tasks, and end its lease. Where
        another build is at the unit: None, and no change."""
        with self._db.transaction():
            if self._db.execute(
                "SELECT 1 FROM tasks WHERE unit = ? AND state = 'leased' AND owner <> ?", (unit, self.owner)
            ):
                return None
            tasks = derive()
            rows = [
                (*(_plain(getattr(task, name)) for name in _FIELDS.split(", ")[:-1]), _json(task.decision))
                for task in tasks
            ]
            self._db.execute("DELETE FROM tasks WHERE unit = ?", (unit,))
            self._db.insert(f"INSERT INTO tasks ({_FIELDS}) VALUES ({', '.join('?' * 11)})", rows)
        return tasks

    def forget(self, units: Iterable[str]) -> None:
        """Remove units that are no more."""
        with self._db.transaction():
            for unit in units:
                self._db.execute("DELETE FROM tasks WHERE unit = ?", (unit,))

    def claim(self, ranks: Sequence[int]) -> Task | None:
        """Lease a ready task of a stage of these `ranks`, which ascend: of the latest that has one, of a unit on which
        nothing runs; None if there is none."""
        for low, high in _ranges(ranks):
            with self._db.transaction():
                row = self._db.execute(
                    "UPDATE tasks SET state = 'leased', owner = ?, lease = ? WHERE (unit, object, stage) = ("
                    "SELECT unit, object, stage FROM tasks WHERE state = 'ready' AND rank BETWEEN ? AND ? AND unit "
                    "NOT IN (SELECT unit FROM tasks WHERE state = 'leased') ORDER BY rank DESC, unit LIMIT 1) "
                    f"RETURNING {_FIELDS}",
                    (self.owner, time.time() + LEASE, low, high),
                )
            if row:
                return _task(row[0])
        return None

    def keep(self) -> None:
        """Prolong the leases of this build."""
        with self._db.transaction():
            self._db.execute(
                "UPDATE tasks SET lease = ? WHERE state = 'leased' AND owner = ?", (time.time() + LEASE, self.owner)
            )

    def free(self, own: bool = False) -> None:
        """End leases of other builds that ran out or whose build is no more; with `own` also those of this build."""
        held = self._db.execute("SELECT DISTINCT owner FROM tasks WHERE state = 'leased'")
        gone = [owner for (owner,) in held if (own if owner == self.owner else not _lives(owner))]
        with self._db.transaction():
            self._db.execute(
                "UPDATE tasks SET state = 'ready' WHERE state = 'leased' AND lease < ? AND owner <> ?",
                (time.time(), self.owner),
            )
            for owner in gone:
                self._db.execute("UPDATE tasks SET state = 'ready' WHERE state = 'leased' AND owner = ?", (owner,))

    def has(self, unit: str) -> bool:
        """Whether a source or clip has tasks."""
        return bool(self._db.execute("SELECT 1 FROM tasks WHERE unit = ? LIMIT 1", (unit,)))

    def units(self) -> set[str]:
        """All sources and clips that have tasks."""
        return {unit for (unit,) in self._db.execute("SELECT DISTINCT unit FROM tasks")}

    def leased(self) -> set[str]:
        """Units on which something runs."""
        return {unit for (unit,) in self._db.execute("SELECT DISTINCT unit FROM tasks WHERE state = 'leased'")}

    def counts(self) -> Counter[tuple[str, str, str]]:
        """How many tasks there are of each stage, state and reason."""
        rows = self._db.execute("SELECT stage, state, reason, count(*) FROM tasks GROUP BY stage, state, reason")
        return Counter({(stage, state, reason): count for stage, state, reason, count in rows})

    def find(self, state: str, stage: str = "") -> list[Task]:
        """The tasks in a state, of one stage or of all, in order of their units."""
        rows = self._db.execute(
            f"SELECT {_FIELDS} FROM tasks WHERE state = ? AND (? = '' OR stage = ?) ORDER BY rank, unit, object",
            (state, stage, stage),
        )
        return [_task(row) for row in rows]

    def close(self) -> None:
        """Close the database."""
        self._db.close()


def _task(row: tuple[object, ...]) -> Task:
    task = Task(*row)  # type: ignore[arg-type]
    decision = None if task.decision is None else json.loads(str(task.decision))
    return replace(task, stale=bool(task.stale), decision=decision)


def _ranges(ranks: Sequence[int]) -> list[tuple[int, int]]:
    """The first and last of each run of neighbours, the last run first: the table's index finds those."""
    found: list[tuple[int, int]] = []
    for rank in reversed(ranks):
        if found and found[-1][0] == rank + 1:
            found[-1] = rank, found[-1][1]
        else:
            found.append((rank, rank))
    return found


def _plain(value: object) -> object:
    return int(value) if isinstance(value, bool) else value


def _json(decision: object) -> str | None:
    return None if decision is None else json.dumps(decision)


def _lives(owner: str) -> bool:
    """Whether a build still runs; of those on other machines only their lease tells."""
    host, pid, born = owner.rsplit(":", 2)
    if host != socket.gethostname():
        return True
    try:
        return abs(_born(psutil.Process(int(pid))) - float(born)) < 1
    except psutil.Error:
        return False


def _born(process: psutil.Process) -> float:
    """When a process began, in seconds after its machine did: the clock may be set meanwhile."""
    return float(process.create_time() - psutil.boot_time())
