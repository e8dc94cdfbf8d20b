"""The queue over HTTP: what pages see of it and do with it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Body, Header, Query
from fastapi import Path as InPath
from fastapi.responses import FileResponse, PlainTextResponse
from pydantic import BaseModel, ConfigDict

from vera.jobs.job import Job, Step
from vera.jobs.store import JobStore
from vera.jobs.worker_routes import worker_router
from vera.service.errors import MissingError
from vera.service.events import LARGEST, Event, EventStream, follow, resumed
from vera.service.media import media

PREFIX = "/api/v1"
LOG_SHOWN = 256 << 10  # bytes of a log's end

Id = Annotated[str, InPath(pattern="^[0-9a-f]{16}$")]
After = Annotated[int | None, Query(ge=0, le=LARGEST)]
State = tuple[int, bool, int]  # number of the newest change, paused, workers
Check = Callable[[Job, dict[str, Any]], dict[str, Any]]
LastEventId = Annotated[str | None, Header(alias="Last-Event-ID", max_length=20)]


@dataclass(frozen=True)
class Queue:
    """All that a page shows of the queue. `event`: the number after which `/events` tells what changed since."""

    jobs: list[Job]
    paused: bool
    workers: int
    event: int


class JobPatch(BaseModel):
    """What to change: a waiting job's place (0: next) or work, or that it stops."""

    model_config = ConfigDict(extra="forbid")
    position: Annotated[int, Body(ge=0, le=1_000_000)] | None = None
    spec: dict[str, Any] | None = None
    cancel: Literal[True] | None = None


class QueuePatch(BaseModel):
    """Whether further jobs are begun."""

    model_config = ConfigDict(extra="forbid")
    paused: bool


def router(store: JobStore, check: Check = lambda job, spec: spec) -> APIRouter:
    """Make the routes of a queue, those of its workers included.

    `check` is given a job and what a page would have it do instead, and returns what is kept, or raises VeraError.
    """
    routes = APIRouter(prefix=PREFIX, tags=["jobs"])

    @routes.get("/jobs")
    def queue(ended: Annotated[int, Query(ge=0, le=10_000)] = 200) -> Queue:
        """List jobs that run, that wait in their order, and the last `ended` that ended."""
        event = store.last()  # first: what changes meanwhile is told again
        return Queue(store.jobs(ended), store.paused, store.workers(), event)

    @routes.get("/jobs/{job}")
    def show(job: Id) -> Job:
        """Show a job."""
        return store.job(job)

    @routes.patch("/jobs/{job}")
    def change(job: Id, patch: JobPatch) -> Job:
        """Edit, move or stop a job, in this order; 409 where it no longer waits."""
        if patch.spec is not None:
            store.edit(job, check(store.job(job), patch.spec))
        if patch.position is not None:
            store.move(job, patch.position)
        return store.cancel(job) if patch.cancel else store.job(job)

    @routes.post("/jobs/{job}/retry")
    def retry(job: Id) -> Job:
        """Put a job that failed or was cancelled into the queue again."""
        return store.retry(job)

    @routes.get("/jobs/{job}/history")
    def history(job: Id) -> list[Step]:
        """Tell what happened to a job, first to last."""
        return store.history(job)

    @routes.get("/jobs/{job}/log", response_class=PlainTextResponse)
    def log(job: Id) -> PlainTextResponse:
        """Show the end of what a job's process said, at most 256 KB."""
        store.job(job)
        try:
            with (store.workspace / "logs" / f"{job}.log").open("rb") as file:
                file.seek(max(0, file.seek(0, 2) - LOG_SHOWN))
                return PlainTextResponse(file.read())
        except FileNotFoundError:
            raise MissingError("this job has no log yet") from None

    @routes.get("/jobs/{job}/previews/{step}/{layer}.jpg", response_class=FileResponse)
    def preview(
        job: Id, step: Annotated[int, InPath(ge=1, le=100_000)], layer: Literal["edit", "alpha", "composite"]
    ) -> FileResponse:
        """Show a step's picture of a layer."""
        root = store.workspace / "previews"
        return media(root / store.job(job).id / str(step) / f"{layer}.jpg", root)

    @routes.patch("/queue")
    def pause(patch: QueuePatch) -> Queue:
        """Pause the queue, or go on."""
        store.pause(patch.paused)
        return queue()

    since = _since(store)

    @routes.get("/events", response_class=EventStream, status_code=200)
    async def events(after: After = None, last_event_id: LastEventId = None) -> EventStream:
        """Follow the queue: `job` with a job that changed, `queue` with whether it is paused and how many work."""
        begin = resumed(last_event_id, store.last() if after is None else after)
        return EventStream(follow(lambda: (store.last(), store.paused, store.workers()), since, begin))

    routes.include_router(worker_router(store))
    return routes


def _since(store: JobStore) -> Callable[[int, State], list[Event]]:
    @lru_cache(maxsize=32)  # pages that listen are told the same
    def since(after: int, state: State) -> list[Event]:
        events = [(change.number, "job", _json(change.job)) for change in store.events(after)]
        _, paused, workers = state
        return [*events, (events[-1][0] if events else after, "queue", _json({"paused": paused, "workers": workers}))]

    return since


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
