"""What can be opened in the folders that were named when the studio was started."""

from pathlib import Path
from typing import Literal

from vera.errors import VeraError
from vera.service.errors import MissingError
from vera.service.names import inside as within
from vera.studio.schema.clips import Entries, Entry
from vera.studio.studio import Studio

MOST_ENTRIES = 2000
# Suffixes of files that are listed; any other file can still be uploaded.
CLIPS = {".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".mxf", ".ts", ".mts", ".m2ts", ".mpg", ".nut", ".y4m"}
PICTURES = {".png", ".tif", ".tiff", ".dpx", ".exr", ".jpg", ".jpeg"}
_LAYERS = ("manifest.json", "edit.mkv", "alpha.mkv")


def root_path(studio: Studio, root: str, inside: str) -> Path:
    """Find a path below a root, links followed. Raises MissingError if there is none, VeraError if it leads out."""
    if root not in studio.roots:
        raise MissingError(f"{root}: no such folder was named when the studio was started")
    path = within(studio.roots[root], inside) if inside else studio.roots[root].resolve()
    if not path.exists():
        raise MissingError(f"{inside}: there is no such file or folder")
    return path


def list_entries(studio: Studio, root: str, inside: str) -> Entries:
    """List what can be opened in a folder, folders first. Raises as `root_path`, and VeraError for a file."""
    folder, home = root_path(studio, root, inside), studio.roots[root].resolve()
    if not folder.is_dir():
        raise VeraError(f"{inside}: is a file, not a folder")
    found = [entry for path in sorted(folder.iterdir()) if (entry := _entry(path, home)) is not None]
    found.sort(key=lambda entry: (entry.kind != "folder", entry.name.casefold()))
    place = "" if folder == home else folder.relative_to(home).as_posix()
    return Entries(root=root, inside=place, entries=found[:MOST_ENTRIES], more=max(len(found) - MOST_ENTRIES, 0))


def _entry(path: Path, home: Path) -> Entry | None:
    """A file or folder that can be opened; None for one that is hidden, leads out, has no text for a name."""
    try:
        path.name.encode()
        if path.name.startswith(".") or "\\" in path.name or not path.resolve().is_relative_to(home):
            return None
        place = path.relative_to(home).as_posix()
        if path.is_dir():
            return Entry(name=path.name, kind=_folder_kind(path), inside=place)
        if path.suffix.lower() in CLIPS and path.is_file():
            return Entry(name=path.name, kind="clip", inside=place, bytes=path.stat().st_size)
        if path.name == "project.json" and path.is_file():
            return Entry(name=path.name, kind="project", inside=place)
    except (OSError, UnicodeEncodeError, ValueError):
        pass
    return None


def _folder_kind(folder: Path) -> Literal["folder", "sequence", "layers"]:
    if all((folder / name).is_file() for name in _LAYERS):
        return "layers"
    pictures = 0
    for count, path in enumerate(folder.iterdir()):
        pictures += path.suffix.lower() in PICTURES and any(letter.isdigit() for letter in path.stem)
        if pictures == 2:
            return "sequence"
        if count > MOST_ENTRIES:
            break
    return "folder"
