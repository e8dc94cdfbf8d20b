"""Files of a root folder, in ranges, as types of our own list: nothing that a browser runs."""

from pathlib import Path, PurePosixPath, PureWindowsPath

from fastapi.responses import FileResponse

from vera.errors import VeraError, printable
from vera.service.problems import MissingError

TYPES = {
    ".mp4": "video/mp4",
    ".webm": "video/webm",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".json": "application/json",
    ".m4a": "audio/mp4",
}
FOREVER = "private, max-age=31536000, immutable"


def media(path: Path, root: Path, *, download: str | None = None, immutable: bool = False) -> FileResponse:
    """Answer with a file below `root`, whole or in the ranges asked for. Raises MissingError if there is none.

    Links are followed before it is compared with the root. A file of no type in our list, or with `download` (the name
    it shall have), is an attachment of unknown type: a browser saves it and runs nothing.

    Args:
        immutable: the file never changes under its URL, so that browsers need not ask again.
    """
    place = path.resolve()
    if not place.is_relative_to(root.resolve()) or not place.is_file():
        raise MissingError(f"{printable(path.name)}: there is no such file")
    kind = TYPES.get(place.suffix.lower())
    headers = {"cache-control": FOREVER if immutable else "private, no-cache"}
    if kind is None or download is not None:
        name = plain_name(download or place.name)
        return FileResponse(place, media_type=kind or "application/octet-stream", filename=name, headers=headers)
    return FileResponse(place, media_type=kind, headers=headers)


def inside(root: Path, name: str) -> Path:
    """Join a relative name, parts by `/`, to a root; both are made real. Raises VeraError where it would lead out.

    What would be absolute, or have a drive, on Windows is refused everywhere.
    """
    parts = PurePosixPath(name).parts
    windows = PureWindowsPath(name)
    if not parts or "\\" in name or "\0" in name or windows.drive or windows.root or ".." in parts:
        raise VeraError(f"{printable(name)[:200]}: is no name inside of the folder")
    place = (root / name).resolve()
    if not place.is_relative_to(root.resolve()):
        raise VeraError(f"{printable(name)[:200]}: leads out of the folder")
    return place


def plain_name(name: str) -> str:
    """What a stranger calls a file, as a name to show or to save under: its last part, on one line, never empty."""
    last = PureWindowsPath(printable(name)).name  # takes `/` and `\\` for what they are on some system
    kept = "".join(letter for letter in last if letter not in '<>:"|?*').strip(". ")
    return kept[-120:] or "file"
