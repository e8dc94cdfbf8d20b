"""A folder that appears whole or not at all, and replaces of an earlier export only what that one wrote."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import av

from vera import whole
from vera.errors import VeraError
from vera.written import as_written, files_in, fingerprint, read_listed

RECORD = "export.json"  # marks a folder as an export, and lists what it wrote there


def check_folder(folder: Path) -> None:
    """Raise VeraError unless an export can be `folder`: a new name, an empty folder, or an export nobody worked on.

    Other files in such an export are no obstacle: they stay.
    """
    if not folder.parent.is_dir():
        return
    with whole.locked(folder.parent):  # another run may be replacing it
        _check(folder)


def _check(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise VeraError(f"{folder}: is a file; choose another folder for the export")
    whole.check_replaceable(folder)
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    if not (folder / RECORD).is_file():
        raise VeraError(f"{folder}: holds something else than an export; choose another folder")
    listed = read_listed(folder / RECORD)
    changed = [path for path in sorted(files_in(folder) & listed.keys()) if fingerprint(folder / path) != listed[path]]
    if changed:
        raise VeraError(
            f"{folder / changed[0]}: was changed after it was exported; save it under another name, which stays, "
            "or choose another folder"
        )


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Give an empty folder that takes the name `folder` when the block ends well, and is removed when it does not.

    Of an earlier export under that name go the files that it lists, if they are as it left them; all others stay.
    Raises VeraError as `check_folder`, if the block writes a file of a name that somebody else's has, and for what the
    system and FFmpeg say on writing.
    """
    check_folder(folder)
    try:
        with whole.made_folder(folder.parent), whole.whole_folder(folder, _written) as partial:
            yield partial
            with whole.locked(folder.parent):
                taken = _taken(files_in(partial), files_in(folder) - _written(folder))
            if taken:
                raise VeraError(f"{folder / taken[0]}: has the name of a file of this export; rename it")
    except (av.FFmpegError, OSError) as error:
        raise VeraError(f"{folder}: the export cannot be written ({error.strerror or error})") from error


def _taken(new: set[str], kept: set[str]) -> list[str]:
    """Those of `kept` that cannot stay beside `new`: of the same name, or a file where the other has a folder."""
    around = [{path, *map(str, PurePosixPath(path).parents)} for path in sorted(kept)]
    folders = {str(parent) for path in new for parent in PurePosixPath(path).parents}
    return [path for path, names in zip(sorted(kept), around, strict=True) if names & new or path in folders]


def _written(folder: Path) -> set[str]:
    return as_written(folder, RECORD)
