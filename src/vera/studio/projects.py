"""Projects on disk: `project.json`, which `vera composite` takes as it is, and `studio.json` with all else."""

import hashlib
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import HTTPException
from pydantic import BaseModel, ValidationError

from vera.errors import VeraError
from vera.files import json_text, read_bytes, read_json
from vera.jobs.kinds.inputs import is_id, read_checked
from vera.studio.clips import clip_record
from vera.studio.display import check_display
from vera.studio.schema.adjustment import Layer
from vera.studio.schema.projects import ChangedProject, DamagedProject, Display, NewProject, Project
from vera.studio.studio import Studio, existing, new_id
from vera.whole import write_text

LAYERS, RECORD = "project.json", "studio.json"
BIN = "bin"  # of the workspace: deleted projects
Record = dict[str, Any]


class _TakeRecord(BaseModel, strict=True):
    kind: str
    job: str | None
    settings: dict[str, Any]
    created: float
    binned: bool


class _Record(BaseModel, strict=True):
    """What is relied on of a project's record."""

    name: str
    clip: str
    takes: dict[str, _TakeRecord]


@dataclass(frozen=True)
class Tagged:
    """A project and the tag of its state: of its name, display, layers and `strict_chroma` alone."""

    body: Project
    etag: str


def project_folder(studio: Studio, project: str) -> Path:
    """Find the folder of a project. Raises MissingError."""
    return existing(studio.workspace / "projects" / project, RECORD, "project")


def part_folder(studio: Studio, project: str, part: str) -> Path:
    """Find a folder of a project, such as that of its masks; it is made if there is none. Raises MissingError."""
    with studio.lock:  # or a project that is deleted at this moment would leave a folder of its name
        folder = project_folder(studio, project) / part
        folder.mkdir(exist_ok=True)
        return folder


def project_record(studio: Studio, project: str) -> Record:
    """Read what is kept of a project besides its layers: `name`, `clip`, `created`, `takes`.

    Raises MissingError, and VeraError for a record that was damaged.
    """
    return _read_record(project_folder(studio, project))


def _read_record(folder: Path) -> Record:
    return read_checked(folder / RECORD, _Record, folder.name, "mend or delete it")


def _damaged(folder: Path, file: str) -> VeraError:
    return VeraError(f"{folder.name}: its {file} was damaged, or changed by hand; mend or delete it")


def write_record(studio: Studio, project: str, record: Mapping[str, Any]) -> None:
    """Keep what there is of a project besides its layers; call it with the studio's lock held."""
    write_text(project_folder(studio, project) / RECORD, json_text(record) + "\n")


def create_project(studio: Studio, asked: NewProject) -> Tagged:
    """Make a project without layers. Raises MissingError for a clip that is not open."""
    clip = clip_record(studio, asked.clip)
    project = new_id()
    folder = studio.workspace / "projects" / project
    (folder / "takes").mkdir(parents=True)
    record = {"name": asked.name or Path(clip["name"]).stem[:200] or "clip", "clip": asked.clip}
    write_layers(folder, [], False)
    write_text(folder / RECORD, json_text(record | {"created": time.time(), "takes": {}}) + "\n")
    return read_project(studio, project)


def read_project(studio: Studio, project: str) -> Tagged:
    """Read a project. Raises MissingError, also where its clip is gone, and VeraError for files that were damaged."""
    record, folder = project_record(studio, project), project_folder(studio, project)
    layers, strict = read_layers(folder / LAYERS)
    probe = clip_record(studio, record["clip"])["probe"]
    try:
        body = Project(
            id=project,
            name=record["name"],
            clip=record["clip"],
            layers=layers,
            strict_chroma=strict,
            display=project_display(record),
            width=probe["width"],
            height=probe["height"],
            takes=list(record["takes"]),
            laid=_laid(folder),
            updated=(folder / LAYERS).stat().st_mtime,
        )
    except (ValidationError, TypeError):
        raise _damaged(folder, RECORD) from None
    return Tagged(body, _etag(record, folder))


def list_projects(studio: Studio) -> list[Project | DamagedProject]:
    """Read all projects, the one that was changed last first; of those that cannot be read it is told why."""
    with studio.lock:  # or one that is deleted at this moment would seem damaged
        return sorted((_listed(studio, id) for id in project_ids(studio)), key=lambda project: -project.updated)


def _listed(studio: Studio, project: str) -> Project | DamagedProject:
    try:
        return read_project(studio, project).body
    except VeraError as error:
        folder, name = project_folder(studio, project), project
        with suppress(VeraError):
            name = _read_record(folder)["name"]
        return DamagedProject(id=project, name=name, damaged=str(error), updated=(folder / RECORD).stat().st_mtime)


def project_ids(studio: Studio) -> list[str]:
    """List the projects that are not deleted."""
    files = (studio.workspace / "projects").glob(f"*/{RECORD}")
    return [file.parent.name for file in files if file.is_file() and is_id(file.parent.name)]


def deleted_projects(studio: Studio) -> dict[Path, Record | None]:
    """Read the folders of the bin, each with its record; None for what a hand, or a killed server, left of one."""
    bin = studio.workspace / BIN
    return {folder: _deleted_record(folder) for folder in (bin.iterdir() if bin.is_dir() else ())}


def _deleted_record(folder: Path) -> Record | None:
    with suppress(VeraError):
        record = _read_record(folder)
        if (folder / LAYERS).is_file():
            return record
    return None


def change_project(studio: Studio, project: str, asked: ChangedProject, if_match: str | None) -> Tagged:
    """Change a project that is as the caller knows it.

    Raises HTTPException 412 if it was changed since, 428 if the caller does not say what it knows; VeraError for layers
    that cannot be.
    """
    with studio.lock:
        now, folder = read_project(studio, project), project_folder(studio, project)
        if if_match is not None and _is_said(asked, now.body):
            return now  # the same once more, as after an answer that was lost
        _check_match(now.etag, if_match)
        record, name = project_record(studio, project), asked.name or now.body.name
        display = asked.display or now.body.display
        check_display(studio, project, record["clip"], display)
        layers = now.body.layers if asked.layers is None else asked.layers
        strict = now.body.strict_chroma if asked.strict_chroma is None else asked.strict_chroma
        if asked.layers is not None or asked.strict_chroma is not None:
            for layer in layers:
                _check_take(folder, record, layer.take)
            _check_adjustments(layers)
            write_layers(folder, layers, strict)
        if asked.name is not None or asked.display is not None:
            write_record(studio, project, record | {"name": name, "display": display.model_dump(mode="json")})
        return read_project(studio, project)


def delete_project(studio: Studio, project: str, if_match: str | None) -> None:
    """Move a project into the workspace's bin, and cancel its jobs. Raises as `change_project`.

    One that cannot be read has no tag, and goes by `*`.
    """
    with studio.lock:
        folder, tag = project_folder(studio, project), ""
        with suppress(VeraError):
            tag = read_project(studio, project).etag
        _check_match(tag, if_match)
        for job in studio.jobs.jobs():
            if job.spec.get("project") == project:
                studio.jobs.cancel(job.id)
        bin = studio.workspace / BIN
        bin.mkdir(exist_ok=True)
        folder.rename(bin / project)


def read_layers(path: Path) -> tuple[list[Layer], bool]:
    """Read the layers of a project file of the studio, lowest first, and `strict_chroma`. VeraError for any other."""
    found = read_json(path)
    try:
        lines = [dict(line) for line in found["layers"]]
        layers = [Layer(take=Path(line.pop("folder")).name, **line) for line in lines]
        return layers, bool(found.get("strict_chroma", False))
    except (ValidationError, TypeError, ValueError, KeyError, AttributeError):
        raise _damaged(path.parent, LAYERS) from None


def write_layers(folder: Path, layers: list[Layer], strict: bool) -> None:
    """Write a project file as `vera.layers.stack.read_project` reads it: what is neutral is left out."""
    lines = [
        {"folder": f"takes/{layer.take}", "on": layer.on}
        | layer.model_dump(mode="json", exclude={"take", "on"}, exclude_defaults=True)
        for layer in layers
    ]
    text = json_text({"format": 1, "strict_chroma": strict, "layers": lines}) + "\n"
    write_text(folder / LAYERS, text)


def _laid(folder: Path) -> list[str]:
    """The results and exports whose copy of the project file is the same as that is now."""
    now, found = read_bytes(folder / LAYERS), []
    for path in folder.glob("laid-*.json"):
        with suppress(FileNotFoundError):  # deleted just now
            if path.stat().st_size == len(now) and path.read_bytes() == now:
                found.append(path.stem.removeprefix("laid-"))
    return found


def project_display(record: Record) -> Display:
    """Read what shows the clip of a project; its tags do where an older version wrote the record."""
    return Display(**record.get("display", {}))


def _check_take(folder: Path, record: Record, take: str) -> None:
    if take not in record["takes"]:
        raise VeraError(f"take {take}: is none of this project's")
    if not (folder / "takes" / take / "manifest.json").is_file():
        raise VeraError(f"take {take}: has no layers yet; wait until it is done")


def _check_adjustments(layers: list[Layer]) -> None:
    """What bodies cannot say of values: the ends of ranges, and how much is painted."""
    from vera.layers.adjust import adjustment_from_json

    for number, layer in enumerate(layers):
        try:
            adjustment_from_json(layer.adjustment_json())
        except VeraError as error:
            raise VeraError(f"layer {number}: {error}") from None


def _is_said(asked: ChangedProject, body: Project) -> bool:
    """Whether a project already is what a change would make it."""
    return all(getattr(asked, name) in (None, getattr(body, name)) for name in ChangedProject.model_fields)


def _check_match(etag: str, if_match: str | None) -> None:
    if if_match is None:
        raise HTTPException(428, "say which state of the project this changes: send its ETag as If-Match")
    if if_match.strip() not in ("*", etag):
        raise HTTPException(
            412, "the project was changed in another tab or window since; load it again", {"ETag": etag} if etag else {}
        )


def _etag(record: Record, folder: Path) -> str:
    display = project_display(record).model_dump_json()
    state = b"\0".join((record["name"].encode(), display.encode(), read_bytes(folder / LAYERS)))
    return f'"{hashlib.sha256(state).hexdigest()[:24]}"'
