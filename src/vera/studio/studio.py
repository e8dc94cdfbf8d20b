"""What the studio's routes share: its workspace, folders, models, the queue and the process that draws."""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock

from vera.jobs.store import JobStore
from vera.service.errors import MissingError
from vera.service.uploads import Uploads
from vera.studio.drawing import Drawing
from vera.studio.schema.about import Opened

ID_LENGTH = 16  # characters; a take's id is its project's with half as many more


@dataclass(frozen=True)
class Studio:
    """A studio over a workspace.

    Args:
        workspace: folder of clips, projects, uploads and the queue.
        roots: folders that clips may be opened from, by id; nothing outside of them is read.
        models: names that takes may be made with, the default first; more are not named over HTTP.
        loras: those that takes may be made with, as `vera edit --lora` takes them; more are not named over HTTP.
        drawing: the process that decodes and draws.
        opened: what was named on the command line.
        lock: held while a file is read and written anew.
    """

    workspace: Path
    jobs: JobStore
    uploads: Uploads
    drawing: Drawing
    roots: Mapping[str, Path]
    models: tuple[str, ...] = ("nano",)
    loras: tuple[str, ...] = ()
    opened: Opened = field(default_factory=Opened)
    lock: RLock = field(default_factory=RLock)


def new_id() -> str:
    """Make an id that nobody guesses."""
    return secrets.token_hex(ID_LENGTH // 2)


def root_id(folder: Path) -> str:
    """Name a root by its path, so that a page that is open finds it after a restart."""
    return hashlib.sha256(str(folder).encode("utf-8", "surrogateescape")).hexdigest()[:ID_LENGTH]


def existing(folder: Path, file: str, what: str) -> Path:
    """Return `folder` if it holds `file`. Raises MissingError, which says that there is no such `what`."""
    if not (folder / file).is_file():
        raise MissingError(f"{folder.name}: there is no such {what}; it was deleted, or belongs to another workspace")
    return folder
