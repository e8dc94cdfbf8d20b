"""Results of a job: a folder that takes its name whole, once, however often the job is begun."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from vera.errors import VeraError
from vera.files import json_text, read_json
from vera.service.names import inside
from vera.whole import scratch_folder, sweep, whole_folder, write_text

MARK = "job.json"  # in a job's folder: whose results these are, and what the job said of them
Result = dict[str, Any]


def with_results(workspace: Path, job: str, out: str | None, run: Callable[[Path], Result]) -> Result:
    """Run a job on an empty folder, which then takes the name `out` inside of the workspace; return its result.

    A job that was through with it before, and could not say so, is not run again. Results of another job are replaced.
    Raises VeraError for a name that leads out of the workspace, where files lie that no job made, and where what the
    results belong to was deleted: only their own folder and the one it lies in are made.
    """
    if out is None:
        (workspace / "scratch").mkdir(exist_ok=True)
        with scratch_folder(workspace / "scratch" / job) as folder:
            return run(folder)
    place = inside(workspace, out)
    if (before := made(place, job)) is not None:
        return before
    if place.exists() and not (place / MARK).is_file() and (not place.is_dir() or any(place.iterdir())):
        raise VeraError(f"{out}: holds what no job made; name another folder")
    try:
        place.parent.mkdir(exist_ok=True)
    except FileNotFoundError:
        raise VeraError("what it belongs to is no longer in the workspace") from None
    with suppress(_MadeError), whole_folder(place) as folder:
        result = run(folder)
        write_text(folder / MARK, json_text({"job": job, "result": result}))
        if made(place, job) is not None:  # by a worker that was taken for lost
            raise _MadeError
        return result
    return made(place, job) or {}


def made(place: Path, job: str) -> Result | None:
    """What a job said of the results in a folder; None if they are not this job's."""
    if not (place / MARK).is_file():
        return None
    told = read_json(place / MARK)
    return told["result"] if isinstance(told, dict) and told.get("job") == job else None


def clear(workspace: Path, out: str | None) -> None:
    """Remove what a process that was killed left beside the results."""
    with suppress(VeraError):
        sweep(inside(workspace, out).parent if out is not None else workspace / "scratch")


class _MadeError(Exception):
    """The results are there already."""
