"""Deleted projects: restored, or deleted from the disk."""

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from vera.errors import VeraError
from vera.files import read_json
from vera.service.errors import MissingError
from vera.studio.clips import clip_folder, clip_record, find_job
from vera.studio.emptying import delete_folder, folder_size
from vera.studio.projects import BIN, LAYERS, RECORD, Record, project_ids, project_record, read_project
from vera.studio.schema.projects import DeletedProject, Freed, Project
from vera.studio.studio import Studio, existing


def list_deleted(studio: Studio) -> list[DeletedProject]:
    """Describe the projects in the bin, the one that was changed last first."""
    found = [
        DeletedProject(
            id=folder.name, name=record["name"], updated=(folder / LAYERS).stat().st_mtime, bytes=folder_size(folder)
        )
        for folder in _deleted(studio)
        if (record := _record(folder)) is not None
    ]
    return sorted(found, key=lambda project: -project.updated)


def restore_project(studio: Studio, project: str) -> Project:
    """Move a project out of the bin; jobs that were cancelled stay so. Raises MissingError."""
    with studio.lock:
        folder, place = (studio.workspace / part / project for part in (BIN, "projects"))
        existing(folder, RECORD, "deleted project")
        if not (place / RECORD).is_file():  # what a job of it, begun by an older version, has left
            shutil.rmtree(place, ignore_errors=True)
        folder.rename(place)
        return read_project(studio, project).body


def empty_deleted(studio: Studio) -> Freed:
    """Delete the projects in the bin, and the uploads and proxies that only they used."""
    with studio.lock:
        gone = list(_deleted(studio))
        known = [record for folder in gone if (record := _record(folder)) is not None]
        # Only what lies there: a record that was changed by hand may name any path.
        clips = {record["clip"] for record in known} & {path.name for path in (studio.workspace / "clips").iterdir()}
        clips -= {project_record(studio, project)["clip"] for project in project_ids(studio)}
        freed = sum(delete_folder(folder) for folder in gone)
        return Freed(deleted=len(known), bytes=freed + sum(_delete_clip(studio, clip) for clip in clips))


def _deleted(studio: Studio) -> Iterator[Path]:
    bin = studio.workspace / BIN
    return bin.iterdir() if bin.is_dir() else iter(())


def _record(folder: Path) -> Record | None:
    """Read what is kept of a project; None for what a hand, or a server that was killed, has left of one."""
    with suppress(VeraError):
        found = read_json(folder / RECORD)
        is_record = isinstance(found, dict) and all(isinstance(found.get(key), str) for key in ("name", "clip"))
        if is_record and (folder / LAYERS).is_file():
            return dict(found)
    return None


def _delete_clip(studio: Studio, clip: str) -> int:
    with suppress(MissingError):  # of a clip that was deleted by hand
        if job := find_job(studio, clip_record(studio, clip)["job"]):
            studio.jobs.cancel(job.id)
        return delete_folder(clip_folder(studio, clip))
    return 0
