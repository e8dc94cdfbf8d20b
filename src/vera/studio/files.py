"""Results and exports that are whole: folders in `exports` of a project, each with one file and what is known of it."""

import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from vera.errors import VeraError
from vera.jobs.kinds.inputs import laid_name, read_checked
from vera.service.errors import MissingError
from vera.studio.projects import project_folder
from vera.studio.schema.projects import File
from vera.studio.studio import Studio, existing

ABOUT = "about.json"


def list_files(studio: Studio, project: str) -> list[File]:
    """List those whose description can be read, the newest first."""
    folder, found = project_folder(studio, project) / "exports", list[File]()
    for about in folder.glob(f"*/{ABOUT}"):
        with suppress(VeraError):
            found.append(_describe(project, about.parent))
    return sorted(found, key=lambda file: -file.created)


def open_file(studio: Studio, project: str, file: str) -> Path:
    """Find the file itself. Raises MissingError."""
    folder = _folder(studio, project, file)
    path = folder / Path(_about(folder)["name"]).name
    if not path.is_file():
        raise MissingError(f"{file}: its file is gone from the workspace")
    return path


def delete_file(studio: Studio, project: str, file: str) -> None:
    """Delete a result or an export, and the copy of the project that it was made of. Raises MissingError."""
    shutil.rmtree(_folder(studio, project, file))
    (project_folder(studio, project) / laid_name(file)).unlink(missing_ok=True)


def check_folder(studio: Studio, project: str, check: str) -> Path:
    """Find the folder of a verification. Raises MissingError."""
    return existing(project_folder(studio, project) / "checks" / check, "heat.png", "verification")


def _folder(studio: Studio, project: str, file: str) -> Path:
    return existing(project_folder(studio, project) / "exports" / file, ABOUT, "file")


class _About(BaseModel, strict=True):
    name: str
    kind: Literal["result", "export"]


def _about(folder: Path) -> dict[str, Any]:
    return read_checked(folder / ABOUT, _About, folder.name, "delete it")


def _describe(project: str, folder: Path) -> File:
    about = _about(folder)
    path = folder / Path(about["name"]).name
    return File(
        id=folder.name,
        name=about["name"],
        kind=about["kind"],
        bytes=path.stat().st_size if path.is_file() else 0,
        created=(folder / ABOUT).stat().st_mtime,
        url=f"/api/v1/projects/{project}/files/{folder.name}",
        about=about,
    )
