"""What the command line names: a clip, a layer folder or a project, and the workspace that it is opened in."""

from contextlib import suppress
from pathlib import Path

from vera.errors import VeraError
from vera.studio.bringing import open_layers, open_project
from vera.studio.clips import open_path
from vera.studio.projects import LAYERS, RECORD, create_project, project_record
from vera.studio.schema.about import Opened
from vera.studio.schema.projects import NewProject
from vera.studio.studio import Studio

NAME = "vera-studio"


def check_named(path: Path) -> None:
    """VeraError for what is not there, before a workspace is made for it; it may be the pattern of a sequence."""
    if path.exists():
        return
    from vera.video.sequence import find_sequence  # and OpenCV with it, for which a server does not wait

    if find_sequence(path) is None:
        raise VeraError(f"{path}: no such file; check the path")


def choose_workspace(named: Path | None) -> Path:
    """Name the workspace for what is opened: its own if it is a project of one, else `vera-studio` beside it."""
    if named is None:
        return Path(NAME)
    if is_own_project(named):
        return named.absolute().parents[2]
    return named.absolute().parent / NAME


def is_own_project(path: Path) -> bool:
    """Whether a file is the project file of a studio's workspace."""
    folder = path.absolute().parent
    return path.name == LAYERS and (folder / RECORD).is_file() and (folder.parents[1] / "jobs.sqlite").is_file()


def open_named(studio: Studio, path: Path) -> Opened:
    """Open what the command line names. Raises VeraError for what is none of the three."""
    path = path.absolute()
    if is_own_project(path):
        if path.parents[2].resolve() != studio.workspace:
            raise VeraError(f"{path}: is a project of the workspace {path.parents[2]}; leave --workspace out")
        return Opened(clip=project_record(studio, path.parent.name)["clip"], project=path.parent.name)
    if path.suffix.lower() == ".json":
        project = open_project(studio, path)
    elif (path / "manifest.json").is_file():
        project = open_layers(studio, path)
    else:
        clip = open_path(studio, path).id
        return Opened(clip=clip, project=_project_of(studio, clip))
    return Opened(clip=project_record(studio, project)["clip"], project=project)


def _project_of(studio: Studio, clip: str) -> str:
    """The clip's project that was changed last, or a new one."""
    files = [file for file in (studio.workspace / "projects").glob(f"*/{LAYERS}") if (file.parent / RECORD).is_file()]
    for file in sorted(files, key=lambda file: -file.stat().st_mtime):
        with suppress(VeraError):  # a damaged one keeps no clip from being opened
            if project_record(studio, file.parent.name)["clip"] == clip:
                return file.parent.name
    return create_project(studio, NewProject(clip=clip)).body.id
