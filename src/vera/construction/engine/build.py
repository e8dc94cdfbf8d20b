"""The loop of a build: what is ready is claimed and run, what it makes ready follows, until all is done or waits."""

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from threading import Event
from typing import Any, Protocol

from vera.construction.engine.databases import open_database
from vera.construction.engine.executors.executor import Executor
from vera.construction.engine.executors.opening import Where, open_executor
from vera.construction.engine.index import LEASE, Index
from vera.construction.engine.record import Layout, Record, read_record
from vera.construction.engine.run import Ran, without_lost
from vera.construction.engine.stage import Facts, Stage
from vera.construction.engine.state import Plan, State, Task, derive, is_given_up
from vera.errors import VeraError
from vera.progress import Progress
from vera.workers import beside

PATIENCE = 1.0  # seconds between looks at what ended, and at the leases of others


class Comparing(Stage, Protocol):
    """A stage that waits for all clips."""

    def compare(self, facts: Mapping[str, Mapping[str, Facts]], kept: set[str]) -> Mapping[str, Facts]:
        """What is to be said of each clip, from what the stages it needs found, and those that were kept before."""


class Build:
    """A build at work: its folder, what is to be done, and the index; `limit`: of so many clips only; `database`: the
    index's URL, instead of a file."""

    def __init__(
        self,
        layout: Layout,
        plan: Plan,
        sources: Sequence[Record],
        limit: int | None = None,
        database: str | None = None,
    ) -> None:
        self.layout, self.plan, self.sources, self.limit = layout, plan, sources, limit
        layout.root.mkdir(parents=True, exist_ok=True)
        self._database = database
        self.index = Index(open_database(database, layout.index))
        self.clips: dict[str, Record] = {}  # what each is, before anything was done with it
        self._sources = {source.id: source for source in sources}
        self._later: set[str] = set()  # clips beyond the limit
        self._split: dict[str, list[Record]] = {}  # by source
        self._counts: dict[str, tuple[int, int]] = {}  # by unit: tasks that ended, and those that may still run
        self._ended = self._left = 0  # their sums
        self._deferred: set[tuple[str, str]] = set()  # units and stages that wait for what comes from outside

    def refresh(self) -> None:
        """Derive the index anew from the records, without what is gone or no longer part of the footage."""
        self.index.free(own=True)
        self.look()
        for about in (*self.sources, *self.clips.values()):
            self._put(about)
        self.index.forget(self.index.units() - {source.id for source in self.sources} - set(self.clips))

    def look(self) -> None:
        """Take up the clips, and what they are beside each other, without a word to the index."""
        self._find_clips(self.sources)
        verdicts, _ = self._verdicts()
        self.plan = replace(self.plan, verdicts=verdicts)

    def run(
        self,
        workers: int = 1,
        progress: Progress | None = None,
        where: Where = "local",
        observe: Callable[[Task, Ran], None] | None = None,
    ) -> None:
        """Run all that is ready, and what becomes so, by another build of the folder too; `observe` is told of each run
        that ended. VeraError where the disk is full."""
        first = self._next(lambda: self.index.claim(range(len(self.plan.stages))))
        if first is None:
            return
        try:
            with (
                beside(self._keep_leases),
                self._events(observe) as tell,
                closing(open_executor(where, self.layout.root, self.plan.stages, workers)) as executor,
            ):
                self._loop(executor, first, tell, progress)
        finally:
            self.index.free(own=True)

    def _keep_leases(self, ended: Event) -> None:
        """Prolong this build's leases, from a thread: a stage may run in this process for longer than one."""
        with closing(Index(open_database(self._database, self.layout.index))) as index:
            while not ended.wait(LEASE / 4):
                with suppress(VeraError):  # of a database that cannot be had the build itself tells
                    index.keep()

    def _loop(
        self, executor: Executor, first: Task, tell: Callable[[Task, Ran], None], progress: Progress | None
    ) -> None:
        running, looked = 0, time.monotonic()
        task: Task | None = first
        while True:
            while task is not None:
                executor.submit(task, self.about(task), self.plan.stages[task.rank].resources)
                running += 1
                task = self._claim(executor)
            for ended, ran in executor.ended(PATIENCE) if running else ():
                running -= 1
                tell(ended, ran)
                if ran.stopped:
                    raise VeraError(ran.stopped)
                self._follow(ended, ran)
                if progress is not None:
                    progress("stage runs", self._ended, self._ended + self._left)
            if time.monotonic() - looked > LEASE / 4:
                self.index.free()
                looked = time.monotonic()
            claim = partial(self._claim, executor)
            task = claim() if running else self._next(claim)
            if task is None and not running:
                return

    def _next(self, claim: Callable[[], Task | None]) -> Task | None:
        """Lease a task where nothing runs here, once there is one; None if no build of the folder has any left."""
        while (task := claim()) is None and self.index.leased():
            time.sleep(PATIENCE)
            self.index.free()
        if task is None:
            self._take_up(self.sources)
            self._compare()
            task = claim()
        return task

    def _claim(self, executor: Executor) -> Task | None:
        """Lease a task for which the executor has room."""
        return self.index.claim(
            [rank for rank, stage in enumerate(self.plan.stages) if executor.takes(stage.resources)]
        )

    def about(self, task: Task) -> Record:
        """What the unit of a task is. VeraError where another build of the folder works on other footage."""
        if task.kind == "clip" and task.unit not in self.clips:  # another build has split a source since
            self._find_clips(self.sources)
        found = (self.clips if task.kind == "clip" else self._sources).get(task.unit)
        if found is None:
            raise VeraError(f"{self.layout.root}: another build with other footage is at work in it; wait for its end")
        return found

    def _follow(self, task: Task, ran: Ran) -> None:
        """Take over what a run made of its unit."""
        if ran.deferred:
            self._deferred.add((task.unit, task.key))
        self._put(self.about(task))
        if task.kind == "source" and ran.entry is not None and "clips" in ran.entry.facts:
            self._take_up([self._sources[task.unit]])

    def _take_up(self, sources: Sequence[Record]) -> None:
        """Put the clips of some sources into the index where it has none: they are new, or a build that was killed said
        nothing after it had split a source."""
        self._find_clips(sources)
        for clip in (clip for source in sources for clip in self._split[source.id]):
            if not self.index.has(clip.id):
                self._put(clip)

    def _put(self, about: Record) -> None:
        tasks = self.index.put(about.id, lambda: self.tasks(about))
        if tasks is None:
            return
        ended = sum(task.state in ("done", "rejected", "failed") for task in tasks)
        goes_on = any(task.state == "ready" for task in tasks)
        self._count(about.id, ended, sum(task.state in ("ready", "blocked") for task in tasks) if goes_on else 0)

    def _count(self, unit: str, ended: int, left: int) -> None:
        before = self._counts.get(unit, (0, 0))
        self._counts[unit] = ended, left
        self._ended, self._left = self._ended + ended - before[0], self._left + left - before[1]

    def tasks(self, about: Record) -> list[Task]:
        """The tasks of a unit, each in its state, as they are on the disk."""
        tasks = derive(self.plan, self.record(about))
        return [replace(task, state=self._held_back(task)) if task.state == "ready" else task for task in tasks]

    def _held_back(self, task: Task) -> State:
        """The state of a task that could run."""
        if task.unit in self._later:
            return "blocked"
        return "deferred" if (task.unit, task.key) in self._deferred else "ready"

    def record(self, about: Record) -> Record:
        """The record of a unit as it is on the disk, with what the footage says of it now; without stages whose files
        are gone, unless they are of no use any more."""
        held = read_record(self.layout.record(about.kind, about.id))
        if held is None:
            return about
        record = replace(held, about=about.about)
        kept = without_lost(self.layout, record)
        return record if kept is not record and self.is_given_up(record) else kept

    def is_given_up(self, record: Record) -> bool:
        """Whether nothing will come of a unit with this record, so that it needs no files."""
        return is_given_up(self.plan, derive(self.plan, record))

    def held(self) -> Iterator[Record]:
        """The sources, and the clips that they were last split into, whether that is up to date or to be done anew; no
        clips of a source of which nothing will come."""
        yield from self.sources
        for record in map(self.record, self.sources):
            if not self.is_given_up(record):
                yield from _clips(record, record.stages)

    def _find_clips(self, sources: Sequence[Record]) -> None:
        """Take up the clips that some sources were split into; the limit counts in order of the footage."""
        for source in sources:
            record = self.record(source)
            ended = {task.stage for task in derive(self.plan, record) if task.state == "done"}
            for clip in self._split.get(source.id, ()):
                del self.clips[clip.id]
            self._split[source.id] = _clips(record, ended)
            self.clips |= {clip.id: clip for clip in self._split[source.id]}
        if self.limit is not None:
            clips = [clip for source in self.sources for clip in self._split.get(source.id, ())]
            self._later = {clip.id for clip in clips[self.limit :]}

    def _compare(self) -> None:
        """Say what clips are beside all others, as far as that can be said now."""
        verdicts, under_way = self._verdicts()
        for about in under_way:  # the index may not know, if a file is gone since
            self._put(about)
        if verdicts != self.plan.verdicts:
            self.plan = replace(self.plan, verdicts=verdicts)
            for about in self.clips.values():
                self._put(about)

    def _verdicts(self) -> tuple[Mapping[str, Facts], list[Record]]:
        """What the stage that waits for all clips says of each, and the units that are still under way to it. While
        there are some, it speaks of clips alone that were kept before, which stay whatever is added."""
        stage: Any = next((stage for stage in self.plan.stages if stage.waits == "all"), None)
        if stage is None:
            return {}, []
        bare = replace(self.plan, stages=self.plan.stages[: list(self.plan.stages).index(stage)], verdicts={})
        facts: dict[str, dict[str, Facts]] = {}
        kept: set[str] = set()
        under_way = []
        for about in (*self.sources, *self.clips.values()):
            record = self.record(about)
            states = {task.stage: task.state for task in derive(bare, record)}
            if "ready" in states.values() and about.id not in self._later:
                under_way.append(about)
            if all(states.get(need) == "done" for need in stage.needs):
                facts[about.id] = {need: record.stages[need].facts for need in stage.needs}
                if (entry := record.stages.get(stage.name)) is not None and entry.status == "done":
                    kept.add(about.id)
        if under_way:
            facts = {clip: found for clip, found in facts.items() if clip in kept}
        return stage.compare(facts, kept), under_way

    @contextmanager
    def _events(self, observe: Callable[[Task, Ran], None] | None) -> Iterator[Callable[[Task, Ran], None]]:
        """A JSONL of this build's own, and what adds a run to it and tells `observe`."""
        self.layout.events.mkdir(parents=True, exist_ok=True)
        path = self.layout.events / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}-{os.getpid()}.jsonl"
        with path.open("a", encoding="ascii") as file:

            def tell(task: Task, ran: Ran) -> None:
                entry = ran.entry
                row = {
                    "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
                    "unit": task.unit,
                    "stage": task.key,
                    "status": ran.status,
                    "seconds": round(ran.seconds, 4),
                    "cpu": round(ran.cpu, 4),
                }
                if entry is not None and entry.reason:
                    row |= {"reason": entry.reason, "detail": entry.detail}
                file.write(json.dumps(row | ({"trace": ran.trace} if ran.trace else {})) + "\n")
                file.flush()
                if observe is not None:
                    observe(task, ran)

            yield tell


def _clips(source: Record, stages: Iterable[str]) -> list[Record]:
    """The clips that some stages split a source into."""
    found = [about for name in stages for about in source.stages[name].facts.get("clips", [])]
    return [Record("clip", about["id"], {**about, "source": source.id}) for about in found]


@contextmanager
def open_build(
    layout: Layout, plan: Plan, sources: Sequence[Record], limit: int | None = None, database: str | None = None
) -> Iterator[Build]:
    """Open a build, whose index is still as it was left. VeraError where the index cannot be opened."""
    build = Build(layout, plan, sources, limit, database)
    try:
        yield build
    finally:
        build.index.close()
