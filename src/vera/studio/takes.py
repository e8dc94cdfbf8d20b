"""Takes: records in the project, jobs in the queue, layer folders on disk."""

import secrets
import time
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, cast

from pydantic import BaseModel, Field, ValidationError

from vera.errors import VeraError
from vera.files import read_json
from vera.jobs.job import Job
from vera.service.errors import MissingError
from vera.studio.asking import CHANGEABLE, check_asked
from vera.studio.clips import clip_record, find_job, open_for
from vera.studio.projects import project_display, project_folder, project_record, write_record
from vera.studio.schema.clips import OpenClip
from vera.studio.schema.takes import Layerize, NewTakes, SmallMedia, State, Take, TakeMedia
from vera.studio.studio import ID_LENGTH, Studio

MOST_TAKES = 10_000  # of a project
Record = dict[str, Any]


def create_takes(studio: Studio, project: str, asked: NewTakes) -> list[Take]:
    """Queue a take for each seed. Raises MissingError, and VeraError for what the clip does not have."""
    check_asked(studio, project, asked)
    settings = asked.model_dump(mode="json", exclude={"instruction", "seeds"})
    settings["model"] = asked.model or studio.models[0]
    record = project_record(studio, project)
    spec = settings | {"clip": record["clip"], "instruction": asked.instruction}
    spec |= project_display(record).model_dump(mode="json")
    return [submit_take(studio, project, "edit", spec | {"seed": seed}, settings) for seed in asked.seeds]


def layerize_take(studio: Studio, project: str, asked: Layerize) -> Take:
    """Queue the recovery of layers from an edited clip. Raises VeraError unless exactly one clip is named."""
    if (asked.clip is None) == (asked.upload is None):
        raise VeraError("name a clip that is open, or an upload: one of them")
    edited = asked.clip or open_for(studio, OpenClip(upload=asked.upload, rate=None)).id
    name = clip_record(studio, edited)["name"]
    spec = {"clip": project_record(studio, project)["clip"], "edited": edited}
    return submit_take(studio, project, "layerize", spec, {"edited": name})


def list_takes(studio: Studio, project: str) -> list[Take]:
    """Describe a project's takes, the newest first."""
    record = project_record(studio, project)
    takes = [_describe(studio, project, take, said) for take, said in record["takes"].items()]
    return sorted(takes, key=lambda take: -take.created)


def describe_take(studio: Studio, take: str) -> Take:
    """Describe a take. Raises MissingError."""
    project = take_project(take)
    return _describe(studio, project, take, _record(studio, project, take))


def bin_take(studio: Studio, take: str) -> Take:
    """Put a take into the bin, and cancel its job if that has not ended. A layer that uses it is still laid."""
    said = _record(studio, take_project(take), take)
    job = find_job(studio, said["job"])
    if job is not None and job.state in ("queued", "running"):
        studio.jobs.cancel(job.id)
    return _set_binned(studio, take, True)


def restore_take(studio: Studio, take: str) -> Take:
    """Take a take out of the bin; a job that was cancelled stays so, to be tried again."""
    return _set_binned(studio, take, False)


def take_folder(studio: Studio, take: str) -> Path:
    """Name the layer folder of a take, whether it is done or not. Raises MissingError for a take that there is not."""
    project = take_project(take)
    _record(studio, project, take)
    return project_folder(studio, project) / "takes" / take


def take_project(take: str) -> str:
    """Read the project in the id of a take."""
    return take[:ID_LENGTH]


def new_take(project: str) -> str:
    """Make the id of a take: its project's, and half as many characters more."""
    return project + secrets.token_hex(ID_LENGTH // 4)


def submit_take(
    studio: Studio, project: str, kind: str, spec: Record, settings: Record, take: str | None = None
) -> Take:
    """Queue a take's job and keep its record in the project."""
    take = take or new_take(project)
    with studio.lock:
        record = project_record(studio, project)
        if len(record["takes"]) >= MOST_TAKES:
            raise VeraError(f"a project has at most {MOST_TAKES:,} takes; begin another one")
        job = studio.jobs.submit(kind, spec | {"project": project, "out": f"projects/{project}/takes/{take}"})
        said = {
            "kind": "brought" if kind == "take_proxy" else kind,
            "job": job.id,
            "instruction": spec.get("instruction", ""),
            "seed": spec.get("seed"),
            "model": spec.get("model"),
            "settings": settings,
            "created": time.time(),
            "binned": False,
        }
        try:
            write_record(studio, project, record | {"takes": record["takes"] | {take: said}})
        except OSError:  # a full disk: nobody would know whose job it is
            studio.jobs.cancel(job.id)
            raise
    return _describe(studio, project, take, said)


def _describe(studio: Studio, project: str, take: str, said: Record) -> Take:
    folder = studio.workspace / "projects" / project / "takes" / take
    done = _done(folder)
    job = find_job(studio, said["job"])
    asked = job.spec if job is not None else said  # one that waits may have been changed
    settings = {
        name: asked.get(name, value) if name in CHANGEABLE else value for name, value in said["settings"].items()
    }
    url = f"/api/v1/takes/{take}"
    return Take(
        id=take,
        project=project,
        kind=said["kind"],
        job=said["job"],
        state=_state(job, done is not None),
        error=_error(job, done is not None),
        instruction=asked.get("instruction", ""),
        seed=asked.get("seed"),
        model=asked.get("model"),
        settings=settings,
        first=done.frames[0] if done else settings.get("start") or 0,
        count=len(done.frames) if done else settings.get("frames") or 0,
        frames=done.frames if done else None,
        width=done.width if done else None,
        height=done.height if done else None,
        previews=job.previews if job else 0,
        media=_media(folder, url) if done else None,
        manifest=f"{url}/manifest" if done else None,
        notices=done.notices if done else [],
        created=said["created"],
        binned=said["binned"],
    )


class _Done(BaseModel, strict=True):
    """What `take.json` holds."""

    frames: Annotated[list[int], Field(min_length=1)]
    width: int
    height: int
    notices: list[str]


def _done(folder: Path) -> _Done | None:
    """What is known of a take that is done; None also where it was damaged: it is to be made again then."""
    with suppress(VeraError, ValidationError):
        return _Done.model_validate(read_json(folder / "take.json"))
    return None


def _media(folder: Path, url: str) -> TakeMedia:
    small = SmallMedia(edit=f"{url}/small_edit.mp4", alpha=f"{url}/small_alpha.webm")
    return TakeMedia(
        edit=f"{url}/edit.mp4",
        alpha=f"{url}/alpha.webm",
        small=small if (folder / "small_alpha.webm").is_file() else None,
        still=f"{url}/alpha/{{n}}.png",
    )


def _state(job: Job | None, done: bool) -> State:
    if done:
        return "done"
    return cast(State, job.state) if job is not None and job.state != "done" else "failed"


def _error(job: Job | None, done: bool) -> str | None:
    if done or (job is not None and job.state in ("queued", "running")):
        return None
    if job is None or job.state == "done":
        return "its layers are gone from the workspace; make it again"
    return job.error or "it was cancelled"


def _record(studio: Studio, project: str, take: str) -> Record:
    said: Record | None = project_record(studio, project)["takes"].get(take)
    if said is None:
        raise MissingError(f"{take}: there is no such take")
    return said


def _set_binned(studio: Studio, take: str, binned: bool) -> Take:
    project = take_project(take)
    with studio.lock:
        record = project_record(studio, project)
        said = _record(studio, project, take) | {"binned": binned}
        write_record(studio, project, record | {"takes": record["takes"] | {take: said}})
    return _describe(studio, project, take, said)
