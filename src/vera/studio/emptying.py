"""Emptying the bin of a project: what is deleted is gone, what is still used stays."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from vera.errors import VeraError
from vera.jobs.job import Job
from vera.jobs.kinds.inputs import laid_name
from vera.studio.disposal import clips_of, delete_folders, delete_unused
from vera.studio.projects import LAYERS, project_folder, project_record, read_layers, write_record
from vera.studio.schema.takes import Emptied, Kept
from vera.studio.studio import Studio

GOING = ("queued", "running")


def empty_bin(studio: Studio, project: str) -> Emptied:
    """Delete the takes in the bin, but for those that are layers or that a job uses, and the clips that only they used.

    Their records go first: whoever asks afterwards is told that there is no such take. What a server that was killed
    in between has left is deleted the next time. Raises MissingError.
    """
    with studio.lock:
        folder, record = project_folder(studio, project), project_record(studio, project)
        used = _used(studio, project, folder)
        binned = [take for take, said in record["takes"].items() if said["binned"]]
        gone = {take for take in binned if take not in used}
        kept = {take: said for take, said in record["takes"].items() if take not in gone}
        clips = clips_of(studio, record)
        write_record(studio, project, record | {"takes": kept})
        freed = delete_unused(studio, clips) + _delete(folder, gone | _unknown(studio, project, folder, kept))
    stays = [Kept(take=take, why=used[take]) for take in binned if take in used]
    return Emptied(deleted=len(gone), bytes=freed, kept=stays)


def _used(studio: Studio, project: str, folder: Path) -> dict[str, str]:
    """The takes that are used, with what uses each."""
    used = {layer.take: "it is a layer" for layer in read_layers(folder / LAYERS)[0]}
    for job in _going(studio, project):
        used |= dict.fromkeys(_takes_of(job, folder), f"the job {job.kind} uses it")
    return used


def _takes_of(job: Job, folder: Path) -> Iterator[str]:
    """The take that a job makes, and those that it lays."""
    yield Path(str(job.spec.get("out", ""))).name
    with suppress(VeraError):  # of a job that lays none, or that will fail by itself
        yield from (layer.take for layer in read_layers(folder / laid_name(job.spec.get("file")))[0])


def _going(studio: Studio, project: str) -> list[Job]:
    return [job for job in studio.jobs.jobs() if job.state in GOING and job.spec.get("project") == project]


def _unknown(studio: Studio, project: str, folder: Path, known: Mapping[str, object]) -> set[str]:
    """Folders of takes that nobody knows and no job makes."""
    made = {Path(str(job.spec.get("out", ""))).name for job in _going(studio, project)}
    found = {path.name for path in (folder / "takes").iterdir() if not path.name.startswith(".")}
    return found - known.keys() - made


def _delete(folder: Path, takes: set[str]) -> int:
    """Delete the files of takes; returns how many bytes they had."""
    return sum(delete_folders(folder / "takes" / take, folder / "brought" / take) for take in takes)
