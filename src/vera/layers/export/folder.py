"""A folder that appears whole or not at all, and replaces only an earlier one of its kind."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av

from vera.errors import VeraError

RECORD = "export.json"  # marks a folder as an export


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Give an empty folder that takes the name `folder` when the block ends well, and is removed when it does not.

    An earlier export under that name is replaced. Raises VeraError if something else is there, and for what the system
    and FFmpeg say on writing.
    """
    partial, old = (folder.with_name(f".{folder.name}.{part}") for part in ("partial", "old"))
    if old.exists() and not folder.exists():  # killed between the two renames below
        old.rename(folder)
    if folder.exists() and not folder.is_dir():
        raise VeraError(f"{folder}: is a file; choose another folder for the export")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / RECORD).is_file():
        raise VeraError(f"{folder}: holds something else than an export; choose another folder")
    try:
        for left_over in (partial, old):
            shutil.rmtree(left_over, ignore_errors=True)
        partial.mkdir(parents=True)
        yield partial
        if folder.exists():
            folder.rename(old)
        partial.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    except (av.FFmpegError, OSError) as error:
        raise VeraError(f"{folder}: the export cannot be written ({error.strerror or error})") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
