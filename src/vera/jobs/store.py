"""The queue: what people and workers do with jobs. Leases run by this process's own clock."""

import secrets
import sqlite3
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vera.errors import brief
from vera.jobs.job import MOST_ATTEMPTS, Change, Claim, Job, Outcome, Progress, Step
from vera.jobs.table import IN_ORDER, Table, as_job, as_json
from vera.service.errors import ConflictError

LEASE = 20.0  # seconds that a worker may be silent


class JobStore:
    """The queue of a workspace, held by one server; safe for threads.

    Leases are kept in memory, by a clock that nobody sets: a jump of the machine's clock moves none of them. After a
    restart every running job has a new one. All methods raise MissingError for a job that there is not.

    Args:
        path: SQLite file, made if there is none. Logs and previews lie beside it, in `logs/` and `previews/`.
        clock: seconds that only rise.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self.workspace = path.parent
        self._table, self._clock = Table(path), clock
        ((paused,),) = self._table.rows("SELECT paused FROM queue")
        self._paused = bool(paused)
        running = self._table.rows("SELECT id FROM jobs WHERE state = 'running'")
        self._leases = {job: clock() + LEASE for (job,) in running}
        self._seen: dict[str, float] = {}

    def close(self) -> None:
        """Close the file, for another server to open."""
        self._table.close()

    def submit(self, kind: str, spec: dict[str, Any], *, key: str | None = None, priority: int = 0) -> Job:
        """Add a job at the end of the queue; of two with one `key` the first is returned.

        Raises VeraError if `spec` is no JSON, ConflictError if the key was used for other work.
        """
        text = as_json(spec)
        with self._table.lock:
            for found in self._table.rows("SELECT * FROM jobs WHERE key = ?", key):
                if (found["kind"], found["spec"]) != (kind, text):
                    raise ConflictError(f"{brief(key)}: this key was used for other work; choose a new one")
                return as_job(found)
            job = secrets.token_hex(8)
            with self._table.changing():
                self._table.add(job, kind, key, text, priority)
            return self._table.job(job)

    def job(self, job: str) -> Job:
        """A job."""
        self._expire()
        return self._table.job(job)

    def jobs(self, ended: int = 200) -> list[Job]:
        """Jobs that run, those that wait in the order they are begun, and the last that ended, newest first."""
        self._expire()
        with self._table.lock:
            rows = [
                *self._table.rows("SELECT * FROM jobs WHERE state = 'running' ORDER BY started"),
                *self._table.rows(f"SELECT * FROM jobs WHERE state = 'queued' {IN_ORDER}"),
                *self._table.rows(
                    "SELECT * FROM jobs WHERE state IN ('done', 'failed', 'cancelled') ORDER BY ended DESC LIMIT ?",
                    ended,
                ),
            ]
        return [as_job(row) for row in rows]

    def cancel(self, job: str) -> Job:
        """Take a job out of the queue, or have its worker stop it; one that ended stays as it is."""
        with self._table.lock:
            state = self._table.row(job)["state"]
            if state in ("queued", "running"):
                with self._table.changing():
                    if state == "queued":
                        self._end(job, "cancelled", "cancelled")
                    else:
                        self._table.set(job, "asked to stop", state="running", cancelling=1)
            return self._table.job(job)

    def retry(self, job: str) -> Job:
        """Put a job that failed or was cancelled at the end of the queue. Raises ConflictError for any other."""
        with self._table.lock:
            if self._table.row(job)["state"] not in ("failed", "cancelled"):
                raise ConflictError("only a job that failed or was cancelled can be tried again")
            fresh: dict[str, Any] = {"attempts": 0, "previews": 0, "position": self._table.after_all()}
            fresh |= dict.fromkeys(("worker", "error", "progress", "started", "ended"))
            with self._table.changing():
                self._table.set(job, "tried again", state="queued", **fresh)
            return self._table.job(job)

    def edit(self, job: str, spec: dict[str, Any]) -> Job:
        """Change what a waiting job is to do. Raises ConflictError once it was begun."""
        with self._table.lock:
            self._check_waiting(job)
            with self._table.changing():
                self._table.set(job, spec=as_json(spec))
            return self._table.job(job)

    def move(self, job: str, place: int) -> Job:
        """Make a waiting job the `place`-th to be begun, from 0 on; it takes the priority of the one it displaces.

        Raises ConflictError if it does not wait.
        """
        with self._table.lock:
            self._check_waiting(job)
            order = self._table.rows(f"SELECT id, priority, position FROM jobs WHERE state = 'queued' {IN_ORDER}")
            others = [row for row in order if row["id"] != job]
            places = {row["id"]: row["position"] for row in order}
            ids = [row["id"] for row in others]
            ids.insert(place, job)
            with self._table.changing():
                if others:
                    self._table.set(job, priority=others[min(place, len(others) - 1)]["priority"])
                for position, each in enumerate(ids):
                    if places[each] != position:  # pages are told of what changed, and of nothing else
                        self._table.set(each, position=position)
            return self._table.job(job)

    @property
    def paused(self) -> bool:
        """Whether no further job is begun."""
        return self._paused

    def pause(self, paused: bool) -> None:
        """Begin no further job, or go on; what runs runs on."""
        with self._table.changing():
            self._table.pause(paused)
        self._paused = paused

    def workers(self) -> int:
        """How many workers were heard of lately."""
        with self._table.lock:
            self._seen = {worker: at for worker, at in self._seen.items() if at > self._clock() - LEASE}
            return len(self._seen)

    def last(self) -> int:
        """The number of the newest change. From memory, so that it can be asked for often."""
        self._expire()
        return int(self._table.number)

    def events(self, after: int = 0) -> list[Change]:
        """Jobs that changed after that number, in the order of their last change."""
        rows = self._table.rows("SELECT * FROM jobs WHERE number > ? ORDER BY number", after)
        return [Change(row["number"], as_job(row)) for row in rows]

    def history(self, job: str) -> list[Step]:
        """What happened to a job, first to last."""
        self._table.row(job)
        rows = self._table.rows("SELECT number, at, state, note FROM events WHERE job = ? ORDER BY number", job)
        return [Step(*row) for row in rows]

    def claim(self, worker: str, kinds: Collection[str]) -> Claim | None:
        """Give a worker the next job of one of the kinds it can do; None if there is none, or the queue is paused.

        Whoever claims runs nothing: a job that was this worker's is taken for lost.
        """
        with self._table.lock:
            self._seen[worker] = self._clock()
            self._expire()
            held = self._table.rows("SELECT * FROM jobs WHERE state = 'running' AND worker = ?", worker)
            self._lose(held, "its worker began anew")
            marks = ", ".join("?" * len(kinds))
            query = f"SELECT * FROM jobs WHERE state = 'queued' AND kind IN ({marks}) {IN_ORDER} LIMIT 1"
            found = None if self._paused else next(iter(self._table.rows(query, *kinds)), None)
            return None if found is None else self._begin(found, worker)

    def heartbeat(self, job: str, worker: str, lease: int, progress: Progress | None = None) -> bool:
        """Prolong a worker's lease, keep how far it is, and return whether it is to stop.

        Raises ConflictError if the job is no longer this worker's.
        """
        with self._table.lock:
            row = self._held(job, worker, lease)
            self._seen[worker] = self._clock()
            self._leases[job] = self._clock() + LEASE
            told = None if progress is None else as_json(asdict(progress))
            if told is not None and told != row["progress"]:
                with self._table.changing(durable=False):
                    self._table.set(job, progress=told)
            return bool(row["cancelling"])

    def preview(self, job: str, worker: str, lease: int, step: int) -> None:
        """Keep that there are previews of a step. Raises ConflictError if the job is no longer this worker's."""
        with self._table.lock:
            if step > self._held(job, worker, lease)["previews"]:
                with self._table.changing(durable=False):
                    self._table.set(job, previews=step)

    def report(
        self,
        job: str,
        worker: str,
        lease: int,
        outcome: Outcome,
        error: str | None = None,
        result: dict[str, Any] | None = None,
    ) -> Job:
        """Keep how a worker's job ended. Raises ConflictError if it is no longer this worker's.

        `died`: its process was lost, and the job is tried again, up to three times. `released`: its worker ends, and
        the attempt does not count.
        """
        with self._table.lock:
            row = self._held(job, worker, lease)
            if outcome == "died":
                self._lose([row], error or "its process was lost")
                return self._table.job(job)
            with self._table.changing():
                if outcome == "done":
                    self._end(job, "done", "done", result=as_json(result), progress=None)
                elif outcome == "failed":
                    self._end(job, error or "", "failed", error=error)
                elif row["cancelling"]:
                    self._end(job, "cancelled", "cancelled")
                else:
                    self._table.set(job, "given back", state="queued", worker=None, attempts=row["attempts"] - 1)
            self._leases.pop(job, None)
            return self._table.job(job)

    def _begin(self, row: sqlite3.Row, worker: str) -> Claim:
        job, lease = row["id"], row["lease"] + 1
        begun: dict[str, Any] = {"attempts": row["attempts"] + 1, "started": time.time()}
        begun |= {"progress": None, "error": None, "previews": 0}  # those of an attempt before may be of other work
        with self._table.changing():
            self._table.set(job, f"begun by {worker}", state="running", worker=worker, lease=lease, **begun)
        self._leases[job] = self._clock() + LEASE
        return Claim(self._table.job(job), lease)

    def _end(self, job: str, note: str, state: str, **values: Any) -> None:
        self._table.set(job, note, state=state, ended=time.time(), cancelling=0, **values)

    def _expire(self) -> None:
        """Take jobs whose lease ran out for lost; what a full disk cannot keep now is tried at the next look."""
        with self._table.lock, suppress(sqlite3.OperationalError):
            now = self._clock()
            due = [job for job, until in self._leases.items() if until < now]
            self._lose([self._table.row(job) for job in due], "its worker was not heard of")

    def _lose(self, rows: list[sqlite3.Row], why: str) -> None:
        if not rows:
            return
        with self._table.changing():
            for row in rows:
                self._lose_one(row, why)
        for row in rows:
            self._leases.pop(row["id"], None)

    def _lose_one(self, row: sqlite3.Row, why: str) -> None:
        if row["cancelling"]:
            self._end(row["id"], why, "cancelled")
        elif row["attempts"] < MOST_ATTEMPTS:
            self._table.set(row["id"], why, state="queued", worker=None)
        else:
            error = f"{why}, {row['attempts']} times; its log tells how far it came"
            self._end(row["id"], why, "failed", error=error)

    def _held(self, job: str, worker: str, lease: int) -> sqlite3.Row:
        row = self._table.row(job)
        if (row["state"], row["worker"], row["lease"]) != ("running", worker, lease):
            raise ConflictError("the job is no longer this worker's")
        return row

    def _check_waiting(self, job: str) -> None:
        if self._table.row(job)["state"] != "queued":
            raise ConflictError("the job no longer waits")
