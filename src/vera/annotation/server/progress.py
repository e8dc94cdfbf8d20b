"""How far the work is, how far people agree, and how often they are right where the answer is known."""

import json
from collections import Counter
from dataclasses import asdict

from vera.annotation.server.forms import GateProgress, PersonProgress, Progress
from vera.annotation.store.store import GATES, Gate, Store
from vera.errors import VeraError
from vera.metrics.statistics.agreement import krippendorff_alpha

RIGHT = 0.85  # score of a gold answer from which it is right: the overlap from which two answers are the same


def read_progress(store: Store, you: str) -> Progress:
    """Count what is in the store; `you` is whom a proxy names."""
    gates = [_gate(store, gate) for gate in GATES]
    rules = {name: float(value) for name, value in asdict(store.rules).items()}
    return Progress(gates=[gate for gate in gates if _is_used(gate)], people=_people(store), you=you, rules=rules)


def _is_used(gate: GateProgress) -> bool:
    return bool(gate.waiting or gate.held or gate.disputed or gate.decided)


def _gate(store: Store, gate: Gate) -> GateProgress:
    rows = store.rows("SELECT state, decision, agreement FROM tasks WHERE gate = ? AND truth IS NULL", gate)
    states = Counter(row["state"] for row in rows)
    decisions = [json.loads(row["decision"]) for row in rows if row["state"] == "settled"]
    refused = [one.get("unusable") or one.get("reason") for one in decisions if not _is_taken(one)]
    agreements = [row["agreement"] for row in rows if row["agreement"] is not None]
    held = store.count(
        "SELECT count(*) FROM leases JOIN tasks ON tasks.number = task "
        "WHERE gate = ? AND leases.state = 'open' AND role = 'work' AND truth IS NULL",
        gate,
    )
    return GateProgress(
        gate=gate,
        waiting=states["open"],
        held=held,
        disputed=states["disputed"],
        decided=states["settled"],
        accepted=len(decisions) - len(refused),
        reasons=dict(Counter(refused)),
        pairs=len(agreements),
        agreement=sum(agreements) / len(agreements) if agreements else None,
        alpha=_alpha(store, gate),
    )


def _is_taken(decision: dict[str, object]) -> bool:
    return "objects" in decision or bool(decision.get("accept"))


def _alpha(store: Store, gate: Gate) -> float | None:
    """Krippendorff's alpha of the verdicts of pairs; None where there are none, or all are the same verdict."""
    rows = store.rows(
        "SELECT task, answer FROM leases JOIN tasks ON tasks.number = task "
        "WHERE gate = ? AND truth IS NULL AND wanted = 2 AND role = 'work' AND leases.state = 'done'",
        gate,
    )
    verdicts = [_is_taken(json.loads(row["answer"])) for row in rows]
    try:
        return krippendorff_alpha(verdicts, [row["task"] for row in rows])
    except VeraError:
        return None


def _people(store: Store) -> list[PersonProgress]:
    rows = store.rows("SELECT person, began, ended, score FROM leases WHERE state = 'done' ORDER BY person")
    found = []
    for person in dict.fromkeys(row["person"] for row in rows):
        own = [row for row in rows if row["person"] == person]
        scores = [row["score"] for row in own if row["score"] is not None]
        found.append(
            PersonProgress(
                person=person,
                answers=len(own),
                minutes=sum(max(0.0, row["ended"] - row["began"]) for row in own) / 60,
                gold=len(scores),
                right=sum(score >= RIGHT for score in scores) / len(scores) if scores else None,
            )
        )
    return found
