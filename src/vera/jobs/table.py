"""The queue's rows: read as jobs, changed in numbered transactions."""

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from threading import RLock
from typing import Any

from vera.errors import VeraError, brief
from vera.jobs.database import Database
from vera.jobs.job import Job, Progress
from vera.service.errors import MissingError

IN_ORDER = "ORDER BY priority DESC, position, rowid"  # in which waiting jobs are begun


class Table:
    """Jobs and their history. `lock` is held by who reads and then changes; `number` is the newest change's."""

    def __init__(self, path: Path) -> None:
        self._database, self.lock = Database(path), RLock()
        self._db = self._database.connection
        (self.number,) = self.rows("SELECT number FROM queue")[0]

    def close(self) -> None:
        """Close the file."""
        with self.lock:
            self._database.close()

    def rows(self, query: str, *values: Any) -> list[sqlite3.Row]:
        """All rows of a query."""
        with self.lock:
            return self._db.execute(query, values).fetchall()

    def row(self, job: str) -> sqlite3.Row:
        """A job's row. Raises MissingError if there is none."""
        for row in self.rows("SELECT * FROM jobs WHERE id = ?", job):
            return row
        raise MissingError(f"{brief(job)}: there is no such job")

    def job(self, job: str) -> Job:
        """A job. Raises MissingError if there is none."""
        return as_job(self.row(job))

    def after_all(self) -> int:
        """The position behind all jobs."""
        ((last,),) = self.rows("SELECT coalesce(max(position), 0) FROM jobs")
        return int(last) + 1

    @contextmanager
    def changing(self, durable: bool = True) -> Iterator[None]:
        """Give a transaction: all of the block is kept, or nothing. `durable`: a power cut does not undo it."""
        with self.lock:
            number = self.number
            try:
                with self._database.change(durable) as db:
                    yield
                    db.execute("UPDATE queue SET number = ?", (self.number,))
            except BaseException:
                self.number = number
                raise

    def add(self, job: str, kind: str, key: str | None, spec: str, priority: int) -> None:
        """Add a job at the end of the queue."""
        self._db.execute(
            "INSERT INTO jobs (id, kind, key, spec, state, priority, position, created, number) "
            "VALUES (?, ?, ?, ?, 'queued', ?, ?, ?, 0)",
            (job, kind, key, spec, priority, self.after_all(), time.time()),
        )
        self.set(job, "submitted", state="queued")

    def set(self, job: str, note: str = "", **values: Any) -> None:
        """Change columns of a job; a `state` is a step of its history, of which `note` tells more."""
        self.number += 1
        columns = ", ".join(f"{name} = ?" for name in values)
        self._db.execute(f"UPDATE jobs SET number = ?, {columns} WHERE id = ?", (self.number, *values.values(), job))
        if "state" in values:
            self._db.execute(
                "INSERT INTO events VALUES (?, ?, ?, ?, ?)", (self.number, job, time.time(), values["state"], note)
            )

    def pause(self, paused: bool) -> None:
        """Keep whether the queue is paused."""
        self._db.execute("UPDATE queue SET paused = ?", (paused,))


def as_json(value: Any) -> str:
    """JSON that compares by its text. Raises VeraError for what JSON does not hold."""
    try:
        return json.dumps(value, allow_nan=False, sort_keys=True)
    except (ValueError, TypeError, RecursionError):
        raise VeraError("what a job is to do, and its result, is JSON of finite numbers") from None


def as_job(row: sqlite3.Row) -> Job:
    """The job that a row holds."""
    values = {field.name: row[field.name] for field in fields(Job)}
    values["spec"], values["cancelling"] = json.loads(row["spec"]), bool(row["cancelling"])
    values["result"] = row["result"] and json.loads(row["result"])
    values["progress"] = row["progress"] and Progress(**json.loads(row["progress"]))
    return Job(**values)
