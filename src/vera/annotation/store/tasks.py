"""Tasks: what a build waits for, and clips whose answers are known."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from vera.annotation.store.store import Gate, Store, packed


@dataclass(frozen=True)
class NewTask:
    """A clip, or an `object` of it, that waits at a gate; `truth` is the answer of one that is known."""

    gate: Gate
    clip: str
    object: str = ""
    truth: Mapping[str, Any] | None = None

    @property
    def id(self) -> str:
        """Its name."""
        return "-".join(filter(None, (self.clip, self.object, self.gate)))


def set_tasks(store: Store, waiting: Iterable[NewTask]) -> int:
    """Take up what waits now; returns how many tasks are new, or there again. What waits no more, and nobody holds, is
    gone, unless it was decided and taken back: the decision stands until there is another."""
    wanted = {task.id: task for task in waiting}
    with store.change():
        known = {row["id"]: row["state"] for row in store.rows("SELECT id, state FROM tasks")}
        for name, task in wanted.items():
            if name not in known:
                _add(store, task)
            elif known[name] == "gone":
                store.rows("UPDATE tasks SET state = 'open' WHERE id = ?", name)
        for row in store.rows("SELECT id FROM tasks WHERE state = 'open' AND truth IS NULL AND decision IS NULL"):
            if row["id"] not in wanted:
                _end(store, row["id"])
    return sum(known.get(name, "gone") == "gone" for name in wanted)


def settled_tasks(store: Store) -> set[str]:
    """The names of tasks whose decisions are written down."""
    rows = store.rows("SELECT id FROM tasks WHERE state = 'settled' AND logged = 1 AND truth IS NULL")
    return {row["id"] for row in rows}


def retire_tasks(store: Store, names: Iterable[str]) -> None:
    """Have tasks make room for new ones of their names: what was decided does not count, and is to be judged again."""
    with store.change():
        for name in names:
            store.rows("UPDATE tasks SET id = id || '~' || number, state = 'gone' WHERE id = ?", name)


def add_gold(store: Store, tasks: Iterable[NewTask]) -> None:
    """Take up tasks whose answers are known, also those whose clips were gone; others stay as they are."""
    with store.change():
        store.rows("UPDATE tasks SET state = 'open' WHERE truth IS NOT NULL AND state = 'gone'")
        known = {row["id"] for row in store.rows("SELECT id FROM tasks")}
        for name, task in {task.id: task for task in tasks}.items():
            if name not in known:
                _add(store, task)


def known_noun(store: Store, task: int) -> str:
    """The name of the object that gold shows; empty where objects are chosen."""
    noun = "iif(object = '', '', coalesce(json_extract(truth, '$.noun'), 'object'))"  # earlier versions kept none
    return str(store.rows(f"SELECT {noun} FROM tasks WHERE number = ?", task)[0][0])


def _add(store: Store, task: NewTask) -> None:
    truth = None if task.truth is None else packed(task.truth)
    wanted = 2 if truth is None and is_shared(task.id, store.rules.overlap) else 1
    store.rows(
        "INSERT INTO tasks (id, gate, clip, object, truth, wanted, state) VALUES (?, ?, ?, ?, ?, ?, 'open')",
        task.id,
        task.gate,
        task.clip,
        task.object,
        truth,
        wanted,
    )


def _end(store: Store, task: str) -> None:
    store.rows(
        "UPDATE tasks SET state = 'gone' WHERE id = ? AND number NOT IN (SELECT task FROM leases WHERE state = 'open')",
        task,
    )


def is_shared(name: str, share: float) -> bool:
    """Whether a name falls into a share of all names: by its hash, so that it always does."""
    return int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) < share * (1 << 32)
