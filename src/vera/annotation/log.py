"""From settled tasks to the build's own log of decisions, which `vera data build` reads."""

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from vera.annotation.store.store import Store, packed
from vera.construction.decisions import held_decisions, next_log
from vera.construction.engine.stage import Facts
from vera.resumable import append_row, read_rows
from vera.whole import locked

MOST = 10_000  # decisions of one file


class DecisionLog:
    """The log that a server writes: a file of its own among those of the build, begun anew where another was imported
    since, so that of one thing the last counts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path: Path | None = None
        self._rows = 0

    def write_settled(self, store: Store) -> int:
        """Write down what is settled and was not; returns how many. A killed server writes none of them twice."""
        with store.lock:
            tasks = store.rows("SELECT * FROM tasks WHERE state = 'settled' AND logged = 0 ORDER BY number")
            if not tasks:
                return 0
            written = set() if self._path is not None else self._written()
            for task in tasks:
                row = decision_row(task["clip"], task["object"], task["gate"], json.loads(task["decision"]))
                if packed(row) not in written:
                    self._append(row)
                with store.change():
                    store.rows("UPDATE tasks SET logged = 1 WHERE number = ?", task["number"])
            return len(tasks)

    def _written(self) -> set[str]:
        return {packed(row) for path in held_decisions(self._folder) for row in read_rows(path, mend=False)}

    def _append(self, row: Mapping[str, Any]) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        with locked(self._folder):  # no log is imported meanwhile
            if self._path is None or self._rows >= MOST or [self._path] != held_decisions(self._folder)[-1:]:
                self._path, self._rows = next_log(self._folder), 0
            append_row(self._path, row)
        self._rows += 1


def said_of(logs: Iterable[Path]) -> dict[tuple[str, str, str], list[Facts]]:
    """The decisions of logs, by clip, object and gate, in their order: of each only what it is `of`, no masks."""
    found: dict[tuple[str, str, str], list[Facts]] = {}
    for path in logs:
        if path.is_file():
            for key, said in _said(path, path.stat().st_size, path.stat().st_mtime_ns):
                found.setdefault(key, []).append(said)
    return found


@lru_cache(maxsize=64)
def _said(log: Path, size: int, changed: int) -> list[tuple[tuple[str, str, str], Facts]]:
    """Of a log, while it is as it was: pages ask for tasks often, and logs of masks are long."""
    rows = read_rows(log, mend=False)
    return [((row["clip"], row.get("object", ""), row["gate"]), {"of": row.get("of", {})}) for row in rows]


def decision_row(clip: str, name: str, gate: str, decision: Mapping[str, Any]) -> dict[str, Any]:
    """A line of the log."""
    return {"clip": clip, "gate": gate, **({"object": name} if name else {}), **decision}
