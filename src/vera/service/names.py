"""Names that strangers give: of places inside of a folder, and of their files."""

from pathlib import Path, PurePosixPath, PureWindowsPath

from vera.errors import VeraError, brief, printable


def inside(root: Path, name: str) -> Path:
    """Join a relative name, parts by `/`, to a root; both are made real. Raises VeraError where it would lead out.

    What would be absolute, or have a drive, on Windows is refused everywhere.
    """
    parts, windows = PurePosixPath(name).parts, PureWindowsPath(name)
    if not parts or "\\" in name or "\0" in name or windows.drive or windows.root or ".." in parts:
        raise VeraError(f"{brief(name)}: is no name inside of the folder; name one")
    place = (root / name).resolve()
    if not place.is_relative_to(root.resolve()):
        raise VeraError(f"{brief(name)}: leads out of the folder; name one inside")
    return place


def plain_name(name: str) -> str:
    """What a stranger calls a file, as a name to show or to save under: its last part, on one line, never empty."""
    last = PureWindowsPath(name).name  # takes `/` and `\\` for what they are on some system
    kept = "".join(letter for letter in last if letter not in '<>:"|?*' and printable(letter) == letter).strip(". ")
    return kept[-120:].strip(". ") or "file"
