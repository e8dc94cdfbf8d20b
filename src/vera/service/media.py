"""Files of a root folder, in ranges, as types of our own list: nothing that a browser runs."""

from pathlib import Path

from fastapi.responses import FileResponse

from vera.errors import brief
from vera.service.errors import MissingError
from vera.service.names import plain_name

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
    place = _real(path)
    if place is None or not place.is_relative_to(root.resolve()):
        raise MissingError(f"{brief(path.name)}: there is no such file")
    kind = TYPES.get(place.suffix.lower())
    headers = {"cache-control": FOREVER if immutable else "private, no-cache"}
    if kind is None or download is not None:
        name = plain_name(download or place.name)
        return FileResponse(place, media_type=kind or "application/octet-stream", filename=name, headers=headers)
    return FileResponse(place, media_type=kind, headers=headers)


def _real(path: Path) -> Path | None:
    """A file's place, links followed; None where there is none, or its name can be no file's."""
    try:
        place = path.resolve()
        return place if place.is_file() else None
    except (OSError, ValueError):
        return None
