"""Leases: a task is one person's for as long as they show signs of life, and twice nobody's by mistake."""

import json
import secrets
import sqlite3
from dataclasses import dataclass
from typing import Any, Literal

from vera.annotation.store.store import Gate, Role, Store
from vera.annotation.store.tasks import is_shared
from vera.service.errors import ConflictError, MissingError

LOST = "your time for this ran out and somebody else has it; what you did is kept: take the next one"


@dataclass(frozen=True)
class Lease:
    """A task in somebody's hands. `gold` is whether its answer is known, which nobody is told."""

    id: str
    number: int
    task: int
    gate: Gate
    clip: str
    object: str
    person: str
    role: Role
    state: Literal["open", "expired", "done"]
    answer: Any
    gold: bool


_LEASE = (
    "SELECT leases.*, tasks.gate, tasks.clip, tasks.object, tasks.truth FROM leases "
    "JOIN tasks ON tasks.number = leases.task WHERE leases."
)


def claim(store: Store, person: str, gate: Gate | None, role: Role = "work") -> Lease | None:
    """Give a person a task of a gate, or of any: the one that they hold, one that they began, or the first that waits;
    None where nothing waits for them."""
    with store.change():
        expire(store)
        own = _LEASE + "person = ? AND role = ? AND gate = coalesce(?, gate) AND leases.state = ? ORDER BY began"
        for held in store.rows(own, person, role, gate, "open"):
            return _renewed(store, held)
        for begun in store.rows(own, person, role, gate, "expired"):
            if _has_room(store, begun["task"], role):
                return _renewed(store, begun)
        task = _next(store, person, gate, role)
        return None if task is None else _begin(store, task, person, role)


def find_lease(store: Store, lease: str) -> Lease:
    """The lease of an id. MissingError if there is none."""
    row = store.row(_LEASE + "id = ?", lease)
    if row is None:
        raise MissingError("there is no such task; take the next one")
    return _as_lease(row)


def keep(store: Store, lease: str) -> Lease:
    """Renew a lease, within a change or as one: one that ran out, too, as long as nobody else has the task.

    ConflictError if somebody has, or it was answered.
    """
    with store.lock:
        found = find_lease(store, lease)
        if found.state == "done":
            raise ConflictError("this was answered; take the next one")
        if found.state == "expired" and not _has_room(store, found.task, found.role):
            raise ConflictError(LOST)
        row = store.row(_LEASE + "id = ?", lease)
        assert row is not None
        return _renewed(store, row)


def give_back(store: Store, lease: str) -> None:
    """End a lease before its time; what was done is kept for when the same person comes back."""
    with store.change():
        found = find_lease(store, lease)
        if found.state == "open":
            store.rows("UPDATE leases SET state = 'expired' WHERE number = ?", found.number)
            store.until.pop(found.number, None)


def withdraw(store: Store, lease: Lease) -> None:
    """End a lease with its task, of which something is gone; what was done is kept for when the build waits for it
    again."""
    with store.change():
        store.rows("UPDATE leases SET state = 'expired' WHERE number = ?", lease.number)
        store.until.pop(lease.number, None)
        store.rows("UPDATE tasks SET state = 'gone' WHERE number = ?", lease.task)


def expire(store: Store) -> None:
    """End the leases whose time ran out."""
    now = store.clock()
    for number in [number for number, until in store.until.items() if until < now]:
        store.rows("UPDATE leases SET state = 'expired' WHERE number = ? AND state = 'open'", number)
        del store.until[number]


def seconds_left(store: Store, lease: Lease) -> float:
    """How long a lease still runs, by the server's clock."""
    return max(0.0, store.until.get(lease.number, store.clock()) - store.clock())


def _next(store: Store, person: str, gate: Gate | None, role: Role) -> int | None:
    if role == "work" and _gold_is_due(store, person):
        gold = _first(store, person, gate, "truth IS NOT NULL AND state = 'open'")
        if gold is not None:
            return gold
    if role == "adjudicate":
        return _first(store, person, gate, f"state = 'disputed' AND {_ROOM['adjudicate']}")
    return _first(store, person, gate, f"state = 'open' AND truth IS NULL AND {_ROOM['work']}")


_TAKEN = "(SELECT count(*) FROM leases WHERE task = tasks.number AND role = '{}' AND state IN ('open', 'done'))"
_ROOM: dict[Role, str] = {
    "work": f"(truth IS NOT NULL OR {_TAKEN.format('work')} < wanted)",  # gold is for everybody
    "adjudicate": f"{_TAKEN.format('adjudicate')} < 1",
}


def _first(store: Store, person: str, gate: Gate | None, condition: str) -> int | None:
    row = store.row(
        f"SELECT number FROM tasks WHERE gate = coalesce(?, gate) AND {condition} AND number NOT IN "
        "(SELECT task FROM leases WHERE person = ?) ORDER BY number LIMIT 1",
        gate,
        person,
    )
    return None if row is None else int(row["number"])


def _gold_is_due(store: Store, person: str) -> bool:
    taken = store.count("SELECT count(*) FROM leases WHERE person = ?", person)
    return is_shared(f"{person} {taken}", store.rules.gold)


def _has_room(store: Store, task: int, role: Role) -> bool:
    state = "open" if role == "work" else "disputed"
    query = f"SELECT 1 FROM tasks WHERE number = ? AND state = ? AND {_ROOM[role]}"
    return store.row(query, task, state) is not None


def _begin(store: Store, task: int, person: str, role: Role) -> Lease:
    lease = secrets.token_urlsafe(16)
    store.rows(
        "INSERT INTO leases (id, task, person, role, state, began) VALUES (?, ?, ?, ?, 'open', ?)",
        lease,
        task,
        person,
        role,
        store.wall(),
    )
    row = store.row(_LEASE + "id = ?", lease)
    assert row is not None
    return _renewed(store, row)


def _renewed(store: Store, row: sqlite3.Row) -> Lease:
    store.until[row["number"]] = store.clock() + store.rules.lease
    if row["state"] != "open":
        (event,) = store.rows("SELECT coalesce(max(at), 0) FROM events WHERE lease = ?", row["number"])
        # What lies between this and the last that was done is no work; below 0 where the clock was set back.
        idle = store.wall() - max(row["began"], row["ended"] or 0.0, event[0])
        store.rows("UPDATE leases SET state = 'open', began = began + ? WHERE number = ?", idle, row["number"])
    row_now = store.row(_LEASE + "number = ?", row["number"])
    assert row_now is not None
    return _as_lease(row_now)


def _as_lease(row: sqlite3.Row) -> Lease:
    names = ("id", "number", "task", "gate", "clip", "object", "person", "role", "state")
    answer = None if row["answer"] is None else json.loads(row["answer"])
    return Lease(**{name: row[name] for name in names}, answer=answer, gold=row["truth"] is not None)
