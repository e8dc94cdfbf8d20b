"""The queue over HTTP: what workers say, and nobody else."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from vera.errors import VeraError
from vera.jobs.job import Claim, Job, Outcome, Progress
from vera.jobs.store import JobStore
from vera.service.access import programs_only
from vera.service.events import LARGEST
from vera.whole import whole_file

JPEG = b"\xff\xd8\xff"
WorkerName = Annotated[str, Field(min_length=1, max_length=200)]
Text = Annotated[str, Field(max_length=4000)]
Number = Annotated[int, Field(ge=0, le=LARGEST)]


class Asked(BaseModel):
    """A worker without a job, and the kinds it can do."""

    model_config = ConfigDict(extra="forbid")
    worker: WorkerName
    kinds: Annotated[list[Annotated[str, Field(max_length=100)]], Field(min_length=1, max_length=100)]


class Told(BaseModel):
    """How far a job is. `stage` is shown; `eta` in seconds."""

    stage: Annotated[str, Field(max_length=200)]
    done: Number
    total: Number
    eta: Annotated[float, Field(ge=0, le=1e9)] | None = None


class Beat(BaseModel):
    """A worker that has a job."""

    model_config = ConfigDict(extra="forbid")
    job: Annotated[str, Field(max_length=100)]
    worker: WorkerName
    lease: Number
    progress: Told | None = None


class Report(BaseModel):
    """How a worker's job ended."""

    model_config = ConfigDict(extra="forbid")
    job: Annotated[str, Field(max_length=100)]
    worker: WorkerName
    lease: Number
    outcome: Outcome
    error: Text | None = None
    result: dict[str, Any] | None = None


class Order(BaseModel):
    """What a worker is to do with its job: stop it, or go on."""

    stop: bool


def worker_router(store: JobStore) -> APIRouter:
    """Make the routes of workers. 409: the job is no longer this worker's; it drops it."""
    routes = APIRouter(prefix="/workers", tags=["workers"], dependencies=[Depends(programs_only)])

    @routes.post("/claim")
    def claim(asked: Asked) -> Claim | None:
        """Give the next job; null if there is none."""
        return store.claim(asked.worker, asked.kinds)

    @routes.post("/heartbeat")
    def heartbeat(beat: Beat) -> Order:
        """Prolong the lease."""
        told = None if beat.progress is None else Progress(**beat.progress.model_dump())
        return Order(stop=store.heartbeat(beat.job, beat.worker, beat.lease, told))

    @routes.post("/report")
    def report(told: Report) -> Job:
        """End a job."""
        return store.report(told.job, told.worker, told.lease, told.outcome, told.error, told.result)

    @routes.post("/preview", status_code=204)
    def preview(
        job: Annotated[str, Query(max_length=100)],
        worker: Annotated[str, Query(max_length=200)],
        lease: Annotated[int, Query(ge=0, le=LARGEST)],
        step: Annotated[int, Query(ge=1, le=100_000)],
        layer: Literal["edit", "alpha", "composite"],
        picture: Annotated[bytes, Body(media_type="image/jpeg")],
        last: bool = True,
    ) -> None:
        """Keep a step's picture of a layer; the job tells of the step with its `last`, when all can be shown."""
        if not picture.startswith(JPEG):
            raise VeraError("a preview is a JPEG picture")
        store.heartbeat(job, worker, lease)  # before anything is written
        folder = store.workspace / "previews" / job / str(step)
        folder.mkdir(parents=True, exist_ok=True)
        with whole_file(folder / f"{layer}.jpg") as partial:
            partial.write_bytes(picture)
        if last:
            store.preview(job, worker, lease, step)

    return routes
