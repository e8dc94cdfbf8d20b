"""Deleting from the disk: folders, and clips that no project uses any more."""

import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from vera.errors import VeraError
from vera.service.errors import MissingError
from vera.studio.clips import clip_folder, clip_record, find_job
from vera.studio.projects import Record, deleted_projects, project_ids, project_record
from vera.studio.studio import Studio


def clips_of(studio: Studio, record: Record) -> set[str]:
    """List the clips that a project uses: its own, and the edited ones that its takes are recovered from."""
    jobs = (find_job(studio, said["job"]) for said in record["takes"].values())
    return {record["clip"], *(job.spec["edited"] for job in jobs if job is not None and "edited" in job.spec)}


def delete_unused(studio: Studio, clips: Iterable[str]) -> int:
    """Delete those of `clips` that no project uses, whether in the bin or not; returns how many bytes they had."""
    # Only what lies there: a record that was changed by hand may name any path.
    here = set(clips) & {path.name for path in (studio.workspace / "clips").iterdir()}
    if not here:
        return 0
    try:
        records = [project_record(studio, project) for project in project_ids(studio)]
    except VeraError:  # nobody knows what a damaged project uses
        return 0
    records += filter(None, deleted_projects(studio).values())
    return sum(_delete(studio, clip) for clip in here.difference(*(clips_of(studio, record) for record in records)))


def _delete(studio: Studio, clip: str) -> int:
    with suppress(VeraError):  # of a clip that was damaged or deleted by hand
        if job := find_job(studio, clip_record(studio, clip)["job"]):
            studio.jobs.cancel(job.id)
    with suppress(MissingError):
        return delete_folders(clip_folder(studio, clip))
    return 0


def delete_folders(*folders: Path) -> int:
    """Delete folders, if they are there; returns how many bytes their files had."""
    freed = folder_size(*folders)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
    return freed


def folder_size(*folders: Path) -> int:
    """Sum the bytes of all files below folders; one that has several names counts once."""
    found = (file.stat() for folder in folders for file in folder.rglob("*") if file.is_file())
    return sum({(file.st_dev, file.st_ino): file.st_size for file in found}.values())
