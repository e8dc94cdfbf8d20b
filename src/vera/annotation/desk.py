"""The desk of a build: its tasks, clips and log in one hand, from the first claim to the line that the build reads."""

import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vera.annotation.answering import make_answer
from vera.annotation.clips import Clips
from vera.annotation.draft import Bounds, Draft, check_event, fold, read_event, sized
from vera.annotation.gold import make_gold
from vera.annotation.log import DecisionLog, said_of
from vera.annotation.masks import agreement
from vera.annotation.store.answers import Answer, answered_tasks, finish, reopen, settle_all, void_answers
from vera.annotation.store.events import Event, events_of, save_event
from vera.annotation.store.leases import Lease, claim, find_lease, withdraw
from vera.annotation.store.store import GATES, Gate, Role, Rules, Store
from vera.annotation.store.tasks import NewTask, add_gold, retire_tasks, set_tasks, settled_tasks
from vera.construction.construct import last_logs, last_recipe, waiting_tasks
from vera.construction.engine.record import Layout
from vera.construction.engine.state import last_counting
from vera.errors import VeraError
from vera.service.errors import MissingError

DATABASE = "annotation.sqlite"


@dataclass(frozen=True)
class Desk:
    """A build's tasks, clips and log of decisions; safe for threads."""

    store: Store
    clips: Clips
    log: DecisionLog
    _settling: Any = field(default_factory=threading.Lock)

    def refresh(self) -> int:
        """Take up what the build waits for now; returns how many tasks are new, or there again."""
        gates: Mapping[str, Gate] = {gate: gate for gate in GATES}
        waiting = [
            NewTask(gates[task.stage], task.unit, task.object)
            for task in waiting_tasks(self.clips.out)
            if task.stage in gates
        ]
        settled = settled_tasks(self.store)  # before the log is read: their lines are in it
        if decided := [task for task in waiting if task.id in settled]:
            retire_tasks(self.store, self._undecided(decided))
        answered = answered_tasks(self.store)
        for task in waiting:
            if task.id in answered:
                with suppress(MissingError):
                    self._void(task)
        return set_tasks(self.store, waiting)

    def _undecided(self, decided: Sequence[NewTask]) -> list[str]:
        """The names of those tasks of which no line of the log counts: the build waits on, whatever was decided here.

        What is gone, or is being made anew, nobody could judge again."""
        said = said_of(last_logs(self.clips.out))
        found = []
        for task in decided:
            with suppress(MissingError):
                judged = self.clips.judged(task.gate, task.clip, task.object)
                if last_counting(said.get((task.clip, task.object, task.gate), ()), judged) is None:
                    found.append(task.id)
        return found

    def claim(self, person: str, gate: Gate | None, role: Role) -> Lease | None:
        """Give a person a task, and look what the build waits for where there is none."""
        found = self._claim(person, gate, role)
        if found is None and role == "work" and self.refresh():
            found = self._claim(person, gate, role)
        return found

    def _claim(self, person: str, gate: Gate | None, role: Role) -> Lease | None:
        """Give a person a task of which all that is shown is there, and nothing was made anew between two answers."""
        while (lease := claim(self.store, person, gate, role)) is not None:
            try:
                self.bounds(lease)
                if not self.void(lease):
                    return lease
            except MissingError:
                withdraw(self.store, lease)
        return None

    def void(self, lease: Lease) -> int:
        """Void what was answered to the task of a lease about what was made anew since; returns how many answers.
        MissingError if something is gone."""
        return self._void(NewTask(lease.gate, lease.clip, lease.object))

    def _void(self, task: NewTask) -> int:
        return void_answers(self.store, task.id, self.clips.judged(task.gate, task.clip, task.object))

    def bounds(self, lease: Lease) -> Bounds:
        """What the events of a lease must keep to."""
        count, height, width = self.clips.frames(lease.clip).shape[:3]
        proposals = len(self.clips.facts(lease.clip, "propose").get("proposals", []))
        return Bounds(count, width, height, proposals, self.store.rules.most_points)

    def draft(self, lease: Lease) -> Draft:
        """What the events of a lease come to."""
        return fold(list(map(read_event, events_of(self.store, lease.number))), self.bounds(lease))

    def save(self, lease: str, seq: int, event: Event) -> Lease:
        """Keep an event, on the disk when this returns. VeraError for what it cannot be."""
        bounds = self.bounds(find_lease(self.store, lease))  # reads the clip: not while others wait to write

        def check(events: Sequence[Event]) -> None:
            read = list(map(read_event, events))
            check_event(read[-1], bounds)
            fold(read, bounds)

        return save_event(self.store, lease, seq, sized(event, bounds), check)

    def finish(self, lease: Lease, value: Mapping[str, Any]) -> Lease:
        """Keep the answer of a lease; what is decided by it is in the log when this returns. VeraError for an answer
        that does not say of what it is."""
        answer = make_answer(lease.gate, value, self.draft(lease))
        if self.clips.judged(lease.gate, lease.clip, lease.object).keys() - value.get("of", {}).keys():
            raise VeraError("the answer does not say what it is of; load the page anew")
        done = finish(self.store, lease.id, answer)
        self.log.write_settled(self.store)
        return done

    def reopen(self, person: str, gate: Gate | None) -> Lease | None:
        """Take back a person's last answer; None if there is none. ConflictError and MissingError say why it stays."""

        def check(lease: Lease) -> None:
            self.clips.path(lease.clip, "frames.mkv")
            self.clips.judged(lease.gate, lease.clip, lease.object)

        return reopen(self.store, person, gate, check)

    def settle(self) -> None:
        """Compare and score what waits for it, and write what is decided by it."""
        with self._settling:

            def compare(gate: Gate, clip: str, one: Answer, other: Answer) -> float:
                return agreement(self.clips, gate, clip, one, other)

            settle_all(self.store, compare)
            self.log.write_settled(self.store)

    def close(self) -> None:
        """Close the file, for another server to open."""
        self.store.close()


def open_desk(out: Path, gold: Path | None = None, rules: Rules | None = None, **clocks: Any) -> Desk:
    """Open the desk of a build's folder; `gold` is a data set of `vera data synth`. VeraError if there is no build."""
    waiting_tasks(out)  # tells where there is none, before anything is made
    layout = Layout(out)
    recipe = last_recipe(out)
    clips = Clips(out, recipe.masks.network, recipe.remove.network is None)
    desk = Desk(Store(clips.folder / DATABASE, rules, **clocks), clips, DecisionLog(layout.decisions))
    if gold is not None:
        add_gold(desk.store, make_gold(clips, gold))
    desk.refresh()
    desk.settle()
    return desk
