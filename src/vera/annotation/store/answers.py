"""Answers: kept once and whole, compared where two people gave one, and settled into decisions."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from vera.annotation.store.leases import Lease, find_lease, keep
from vera.annotation.store.store import Gate, Store, packed
from vera.errors import VeraError
from vera.service.errors import ConflictError

Answer = Mapping[str, Any]
LATER = 0.001  # seconds from one answer to the next, by a clock that went back


class Compare(Protocol):
    """How far two answers are the same."""

    def __call__(self, gate: Gate, clip: str, one: Answer, other: Answer) -> float:
        """1 for the same answer, 0 for another; between them, the overlap of masks."""


@dataclass(frozen=True)
class Pair:
    """Two answers to a task, and who gave them."""

    leases: tuple[str, str]
    people: tuple[str, str]
    answers: tuple[Answer, Answer]


def finish(store: Store, lease: str, answer: Answer) -> Lease:
    """Keep a lease's answer; the same one again changes nothing. What one person answers, or decides, is settled.

    ConflictError for another answer than was kept, and where somebody else has the task.
    """
    with store.change():
        held = find_lease(store, lease)
        if held.state == "done" and held.answer == answer:
            return held
        held = keep(store, lease)
        now = store.wall()
        # `reopen` finds a person's last answer by its time: where the clock stepped back, the whole lease is later.
        late = store.rows("SELECT max(ended) FROM leases WHERE person = ?", held.person)[0][0]
        shift = 0.0 if late is None else max(0.0, late + LATER - now)
        store.rows(
            "UPDATE leases SET state = 'done', began = began + ?, ended = ?, answer = ?, score = NULL WHERE number = ?",
            shift,
            now + shift,
            packed(answer),
            held.number,
        )
        store.until.pop(held.number, None)
        wanted = store.count("SELECT wanted FROM tasks WHERE number = ?", held.task)
        if held.role == "adjudicate" or (wanted == 1 and not held.gold):
            _settle(store, held.task, {**answer, "by": held.person, "at": store.time()}, None)
        return find_lease(store, lease)


def adopt(store: Store, lease: str, pair: Pair, which: int) -> Lease:
    """Keep one of two answers as an adjudicator's."""
    return finish(store, lease, pair.answers[which])


def reopen(store: Store, person: str, gate: Gate | None, check: Callable[[Lease], object]) -> Lease | None:
    """Take back a person's last answer at a gate, or at any, for another; None if there is none.

    A decision that is written down stays until the next one takes its place. ConflictError where it can be taken back
    no more: a second person has answered as well, or the build does not wait for it any more. `check` raises for what
    cannot be shown; the answer then stays.
    """
    with store.change():
        row = store.row(
            "SELECT leases.id, leases.number, task, tasks.state, truth IS NULL AND wanted = 1 AS alone FROM leases "
            "JOIN tasks ON tasks.number = task WHERE person = ? AND role = 'work' AND gate = coalesce(?, gate) "
            "AND answer IS NOT NULL AND leases.state <> 'open' ORDER BY ended DESC LIMIT 1",
            person,
            gate,
        )
        if row is None:
            return None
        if row["state"] == "gone":
            raise ConflictError("what you answered last was made anew, or is gone from the build: take the next task")
        if row["state"] != "open" and not (row["alone"] and row["state"] == "settled"):
            raise ConflictError("somebody else has answered this as well: it is decided")
        check(find_lease(store, row["id"]))
        store.rows("UPDATE tasks SET state = 'open' WHERE number = ?", row["task"])
        store.rows("UPDATE leases SET state = 'expired', answer = NULL, score = NULL WHERE number = ?", row["number"])
        return keep(store, row["id"])


def settle_all(store: Store, compare: Compare) -> None:
    """Compare what two people answered, and score what is known: all that was not, so that a killed server goes on.

    What cannot be compared, as its clip is gone or has another size now, is disputed; gold has no score then.
    """
    for row in store.rows(
        "SELECT leases.number, gate, clip, truth, answer FROM leases JOIN tasks ON tasks.number = task "
        "WHERE truth IS NOT NULL AND leases.state = 'done' AND score IS NULL"
    ):
        score = _compared(compare, row["gate"], row["clip"], json.loads(row["answer"]), json.loads(row["truth"]))
        if score is None:
            continue
        with store.change():
            store.rows("UPDATE leases SET score = ? WHERE number = ?", score, row["number"])
    for task in store.rows("SELECT * FROM tasks WHERE state = 'open' AND wanted = 2"):
        pair = find_pair(store, task["number"])
        if pair is None:
            continue
        agreement = _compared(compare, task["gate"], task["clip"], *pair.answers) or 0.0
        with store.change():
            if find_pair(store, task["number"]) != pair:  # one of them was taken back meanwhile
                continue
            if agreement >= store.rules.agree:
                kept = {**pair.answers[0], "by": pair.people[0], "at": store.time()}
                _settle(store, task["number"], kept, agreement)
            else:
                store.rows(
                    "UPDATE tasks SET state = 'disputed', agreement = ? WHERE number = ?", agreement, task["number"]
                )


def _compared(compare: Compare, gate: Gate, clip: str, one: Answer, other: Answer) -> float | None:
    """How far two answers are the same; None where they are of pictures, or proposals, that the build has no more."""
    try:
        return compare(gate, clip, one, other)
    except (VeraError, IndexError):
        return None


def find_pair(store: Store, task: int) -> Pair | None:
    """The two answers to a task, in the order in which it was taken; None before there are two of the same thing."""
    rows = store.rows(
        "SELECT id, person, answer FROM leases WHERE task = ? AND role = 'work' AND state = 'done' ORDER BY number",
        task,
    )
    if len(rows) < 2:
        return None
    one, other = rows
    answers = json.loads(one["answer"]), json.loads(other["answer"])
    of, other_of = (answer.get("of", {}) for answer in answers)
    if any(other_of.get(stage, made) != made for stage, made in of.items()):
        return None
    return Pair((one["id"], other["id"]), (one["person"], other["person"]), answers)


def answered_tasks(store: Store) -> set[str]:
    """The names of tasks that somebody answered, and that are not decided."""
    rows = store.rows(
        "SELECT DISTINCT tasks.id FROM tasks JOIN leases ON task = tasks.number "
        "WHERE tasks.state IN ('open', 'disputed') AND truth IS NULL AND leases.state = 'done'"
    )
    return {row["id"] for row in rows}


def void_answers(store: Store, task: str, judged: Mapping[str, str]) -> int:
    """Void the answers to a task that is not decided, by its name, which are of something else than `judged`: it was
    made anew, and whoever answered is asked again; returns how many. Nobody decides between them any more."""
    with store.change():
        rows = store.rows(
            "SELECT leases.number, task, json_extract(answer, '$.of') AS of FROM leases JOIN tasks "
            "ON tasks.number = task WHERE tasks.id = ? AND tasks.state IN ('open', 'disputed') AND truth IS NULL "
            "AND role = 'work' AND leases.state = 'done'",
            task,
        )
        void = [row for row in rows if not json.loads(row["of"] or "{}").items() <= judged.items()]
        for row in void:
            store.rows("UPDATE leases SET state = 'expired' WHERE number = ?", row["number"])
        if void:
            number = void[0]["task"]
            store.rows("UPDATE leases SET state = 'expired' WHERE task = ? AND role = 'adjudicate'", number)
            store.rows("UPDATE tasks SET state = 'open', agreement = NULL WHERE number = ?", number)
        return len(void)


def _settle(store: Store, task: int, decision: Answer, agreement: float | None) -> None:
    store.rows(
        "UPDATE tasks SET state = 'settled', decision = ?, logged = 0, agreement = coalesce(?, agreement) "
        "WHERE number = ?",
        packed(decision),
        agreement,
        task,
    )
