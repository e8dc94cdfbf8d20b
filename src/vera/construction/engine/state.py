"""In what state a stage of a source, clip or object is: from its record, and what it would be made from now."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from typing import Any, Literal

from vera.construction.engine.record import Entry, Record
from vera.construction.engine.stage import Facts, Stage

# "deferred" is ready again in the next build: only the index of the one that ran it knows it.
State = Literal["blocked", "ready", "leased", "waiting", "deferred", "done", "rejected", "failed"]
MOST_TRIES = 3
NOBODY: Facts = {"by": "nobody"}


@dataclass(frozen=True)
class Plan:
    """What is to be done: the stages in their order, what was decided, and whether nobody is asked.

    `decisions` by clip, object and stage, in their order; `verdicts` by clip, of stages that compare all clips.
    """

    stages: Sequence[Stage]
    decisions: Mapping[tuple[str, str, str], Sequence[Facts]] = field(default_factory=dict)
    unattended: bool = False
    verdicts: Mapping[str, Facts] = field(default_factory=dict)

    def stage(self, name: str) -> Stage:
        """The stage of this name."""
        return next(stage for stage in self.stages if stage.name == name)


@dataclass(frozen=True)
class Task:
    """A stage of a unit. `fingerprint` is what it would have now, `stale` whether it once ended with another."""

    kind: Literal["source", "clip"]
    unit: str
    object: str
    stage: str
    rank: int
    state: State
    fingerprint: str
    stale: bool = False
    reason: str = ""
    detail: str = ""
    decision: Facts | None = None

    @property
    def key(self) -> str:
        """Its name in the unit's record."""
        return f"{self.object}/{self.stage}" if self.object else self.stage


def fingerprint(*parts: Any) -> str:
    """128 bits of a hash of JSON values."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def parameters(value: Any) -> Any:
    """The fields of a stage, and of what they hold, as JSON values: those that what it makes hangs on."""
    if is_dataclass(value):
        return {
            each.name: parameters(getattr(value, each.name)) for each in fields(value) if "how" not in each.metadata
        }
    return [parameters(each) for each in value] if isinstance(value, tuple | list) else value


def derive(plan: Plan, record: Record) -> list[Task]:
    """The tasks of a source, or of a clip and its objects, each in its state. A stage hangs on those it needs: where
    one of their fingerprints changes, so does its own."""
    held: dict[str, Task] = {}
    root = fingerprint(record.id, record.about.get("licence") if record.kind == "source" else None)
    for rank, stage in enumerate(plan.stages):
        if stage.kind == record.kind:
            held[stage.name] = _task(plan, record, "", rank, stage, held, [root])
    tasks = list(held.values())
    for name, content in _objects(record, held):
        own = dict(held)
        for rank, stage in enumerate(plan.stages):
            if stage.kind == "object":
                own[stage.name] = _task(plan, record, name, rank, stage, own, [root, content])
                tasks.append(own[stage.name])
    return tasks


def is_given_up(plan: Plan, tasks: Sequence[Task]) -> bool:
    """Whether nothing will come of a unit any more: something of it was rejected, and nothing was published, waits,
    failed or is to be done. Its files are then of no use, unless the recipe changes: they would be made anew."""
    states = {task.state for task in tasks}
    published = any(task.state == "done" and plan.stages[task.rank].split for task in tasks)
    return "rejected" in states and not published and not states & {"ready", "leased", "waiting", "failed"}


def _objects(record: Record, held: Mapping[str, Task]) -> Iterator[tuple[str, Any]]:
    """Objects that a stage of the clip found, with what was said of each: of one, the others do not matter."""
    for name, task in held.items():
        if task.state == "done":
            for index, content in enumerate(record.stages[name].facts.get("objects", []), 1):
                yield f"o{index}", content


def _task(
    plan: Plan, record: Record, name: str, rank: int, stage: Stage, held: Mapping[str, Task], roots: list[Any]
) -> Task:
    needed = [held[need] for need in stage.needs if need in held]
    # What an object hangs on of the stage that found it is in its root.
    prints = [task.fingerprint for task in needed if not (name and record_has_objects(record, task))]
    decision = _decision(plan, record, name, stage, held)
    own = fingerprint(
        stage.name,
        stage.version,
        parameters(stage),
        [asdict(model) for model in stage.models],
        {key: value for key, value in (decision or {}).items() if key not in ("at", "of")},
        prints,
        roots,
    )
    key = f"{name}/{stage.name}" if name else stage.name
    entry = record.stages.get(key)
    state = _state(stage, entry, own, needed, decision)
    stale = entry is not None and entry.fingerprint != own
    if entry is None or stale:
        entry = Entry(own, "done")
    return Task(record.kind, record.id, name, stage.name, rank, state, own, stale, entry.reason, entry.detail, decision)


def record_has_objects(record: Record, task: Task) -> bool:
    """Whether this stage of the clip is the one that found its objects."""
    entry = record.stages.get(task.key)
    return entry is not None and "objects" in entry.facts


def _decision(plan: Plan, record: Record, name: str, stage: Stage, held: Mapping[str, Task]) -> Facts | None:
    """What was said of a unit."""
    if stage.waits == "all":
        return plan.verdicts.get(record.id)
    if stage.waits == "people":
        made = {need: task.fingerprint for need, task in held.items()}
        said = last_counting(plan.decisions.get((record.id, name, stage.name), ()), made)
        return NOBODY if said is None and plan.unattended else said
    return None


def last_counting(said: Sequence[Facts], judged: Mapping[str, str]) -> Facts | None:
    """The last decision that counts where the stages have the fingerprints `judged`: one that is of something else was
    made of that, and not of what is there now."""
    return next((one for one in reversed(said) if one.get("of", {}).items() <= judged.items()), None)


def _state(stage: Stage, entry: Entry | None, own: str, needed: list[Task], decision: Facts | None) -> State:
    if any(task.state != "done" for task in needed):
        return "blocked"
    if stage.waits and decision is None:
        return "waiting" if stage.waits == "people" else "blocked"
    if entry is None or entry.fingerprint != own:
        return "ready"
    return "ready" if entry.status == "failed" and entry.tries < MOST_TRIES else entry.status
