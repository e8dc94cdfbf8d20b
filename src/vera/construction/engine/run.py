"""One run of one stage, in whatever process: what it wrote takes its place whole, then the record says so."""

import pickle
import time
import traceback
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from vera.construction.engine.record import Entry, Layout, Record, read_record, write_record
from vera.construction.engine.stage import BuildStopError, Facts, Item, Later, Rejected, Stage
from vera.construction.engine.state import Task
from vera.errors import VeraError, first_line
from vera.files import FULL_DISK, file_hash, full_disk
from vera.whole import locked, scratch_folder, sweep, sync


@dataclass(frozen=True)
class Ran:
    """What came of a run, and its seconds by the clock and of the processor. `entry` is None where what it needs was
    gone, or where it is `deferred`; `stopped` says why no run can go on."""

    entry: Entry | None
    seconds: float
    cpu: float = 0.0
    trace: str = ""
    stopped: str = ""
    deferred: bool = False

    @property
    def status(self) -> str:
        """In a word."""
        return "deferred" if self.deferred else "lost" if self.entry is None else self.entry.status


def run_task(root: Path, stages: bytes, task: Task, about: Record) -> Ran:
    """Run a stage and commit what it made. `stages` are pickled; `about` stands for a record that does not exist yet.

    The unit's folder is held locked meanwhile, so that a run that outlives its build does not meet another; what that
    one has done meanwhile is the outcome.
    """
    layout, start, cpu = Layout(root), time.perf_counter(), time.process_time()
    folder = layout.folder(task.kind, task.unit)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder):
            record = read_record(folder / "record.json") or about
            missing = _lost(layout, record)
            if missing:
                write_record(folder / "record.json", _without(record, missing))
                return Ran(None, time.perf_counter() - start)
            held = record.stages.get(task.key)
            if held is not None and held.fingerprint == task.fingerprint and held.status != "failed":
                return Ran(held, time.perf_counter() - start)
            with scratch_folder(folder / "run") as out:
                entry, trace = _run(layout, record, stages, task, out)
                if entry is None:
                    return Ran(None, time.perf_counter() - start, time.process_time() - cpu, deferred=True)
                _commit(layout, record, task, entry, out, _opened(stages, task.stage).split)
    except BuildStopError as error:
        return Ran(None, time.perf_counter() - start, stopped=str(error))
    except OSError as error:
        if error.errno not in FULL_DISK:
            raise
        return Ran(None, time.perf_counter() - start, stopped=f"{folder}: {error.strerror}; free space, then go on")
    return Ran(entry, time.perf_counter() - start, time.process_time() - cpu, trace)


@cache
def _opened(stages: bytes, name: str) -> Stage:
    """A stage, set up: once in a process."""
    stage: Stage = next(stage for stage in pickle.loads(stages) if stage.name == name)
    stage.setup()
    return stage


@cache
def _planned(stages: bytes) -> frozenset[str]:
    """The names of all stages of the build."""
    return frozenset(stage.name for stage in pickle.loads(stages))


def _run(layout: Layout, record: Record, stages: bytes, task: Task, out: Path) -> tuple[Entry | None, str]:
    """The entry that a run ends with, and the trace of its error; no entry where it is to be tried later."""
    try:
        stage = _opened(stages, task.stage)
        outcome = stage.run(make_item(layout, record, stage, _planned(stages), task, out))
    except BuildStopError:
        raise
    except Exception as error:
        if (full := full_disk(error)) is not None:
            raise full from None
        before = record.stages.get(task.key)
        tries = before.tries if before is not None and before.fingerprint == task.fingerprint else 0
        told = str(error) if isinstance(error, VeraError) else f"{type(error).__name__}: {first_line(error)}"
        trace = "" if isinstance(error, VeraError) else traceback.format_exc()
        return Entry(task.fingerprint, "failed", "error", told, tries + 1), trace
    if isinstance(outcome, Later):
        return None, ""
    if isinstance(outcome, Rejected):
        return Entry(task.fingerprint, "rejected", outcome.reason, outcome.detail, facts=outcome.facts), ""
    return Entry(task.fingerprint, "done", facts=outcome.facts), ""


def make_item(layout: Layout, record: Record, stage: Stage, planned: Collection[str], task: Task, out: Path) -> Item:
    """What a stage is given for a task. `planned` are the names of all stages of the build: a record may tell of
    others, from before."""
    source = record
    if record.kind == "clip":
        source = read_record(layout.record("source", record.about["source"])) or record
    facts: dict[str, Facts] = {}
    files: dict[str, Path] = {}
    for need in (need for need in stage.needs if need in planned):
        for key in (need, f"{task.object}/{need}"):
            if (entry := record.stages.get(key)) is not None:
                facts[need] = entry.facts
                files |= {Path(path).name: layout.root / path for path in entry.files}
    return Item(record.id, task.object, record.about, source.about, facts, files, out, layout.cache, task.decision)


def _commit(layout: Layout, record: Record, task: Task, entry: Entry, out: Path, split: str) -> None:
    """Move what a stage wrote to its place. An older entry goes first, so that it never
    names files of another run."""
    folder = layout.folder(task.kind, task.unit)
    place = layout.dataset if split else folder / task.object
    path = folder / "record.json"
    if task.key in record.stages and record.stages[task.key].files:
        write_record(path, record.with_entry(task.key, None))
    files = {}
    for written in sorted(out.rglob("*")) if entry.status == "done" else ():
        if written.is_file():
            sync(written)
            final = place / written.relative_to(out)
            final.parent.mkdir(parents=True, exist_ok=True)
            files[final.relative_to(layout.root).as_posix()] = file_hash(written)
            written.replace(final)
            sync(final.parent)
    write_record(path, record.with_entry(task.key, Entry(**{**vars(entry), "files": files})))


def _lost(layout: Layout, record: Record) -> list[str]:
    """Stages of which a file is gone."""
    return [
        key for key, entry in record.stages.items() if any(not (layout.root / path).is_file() for path in entry.files)
    ]


def without_lost(layout: Layout, record: Record) -> Record:
    """A record without the stages of which a file is gone, so that they run again."""
    return _without(record, _lost(layout, record))


def _without(record: Record, keys: list[str]) -> Record:
    for key in keys:
        record = record.with_entry(key, None)
    return record


def died(root: Path, task: Task, about: Record) -> Ran:
    """Count a try of a run whose process was killed: the run cannot do so itself."""
    path = Layout(root).record(task.kind, task.unit)
    path.parent.mkdir(parents=True, exist_ok=True)
    with locked(path.parent):
        sweep(path.parent)
        record = read_record(path) or about
        before = record.stages.get(task.key)
        tries = before.tries if before is not None and before.fingerprint == task.fingerprint else 0
        told = "its process was killed (out of memory?); use fewer workers"
        entry = Entry(task.fingerprint, "failed", "killed", told, tries + 1)
        write_record(path, record.with_entry(task.key, entry))
    return Ran(entry, 0.0)


def stage_bytes(stages: tuple[Stage, ...]) -> bytes:
    """Stages as processes take them."""
    return pickle.dumps(stages)
