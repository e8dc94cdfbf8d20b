"""Deleted projects: restored, or deleted from the disk."""

import shutil

from vera.studio.disposal import clips_of, delete_folders, delete_unused, folder_size
from vera.studio.projects import BIN, LAYERS, RECORD, deleted_projects, read_project
from vera.studio.schema.projects import DeletedProject, Freed, Project
from vera.studio.studio import Studio, existing
from vera.whole import sweep


def list_deleted(studio: Studio) -> list[DeletedProject]:
    """Describe the projects in the bin, the one that was changed last first."""
    found = [
        DeletedProject(
            id=folder.name, name=record["name"], updated=(folder / LAYERS).stat().st_mtime, bytes=folder_size(folder)
        )
        for folder, record in deleted_projects(studio).items()
        if record is not None
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
        for part in place.iterdir():  # jobs that ended while it lay in the bin did not find what they had begun
            sweep(part)
        return read_project(studio, project).body


def empty_deleted(studio: Studio) -> Freed:
    """Delete the projects in the bin, and the uploads and proxies that only they used."""
    with studio.lock:
        gone = deleted_projects(studio)
        known = list(filter(None, gone.values()))
        clips = set().union(*(clips_of(studio, record) for record in known))
        freed = sum(delete_folders(folder) for folder in gone)
        return Freed(deleted=len(known), bytes=freed + delete_unused(studio, clips))
