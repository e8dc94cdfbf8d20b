"""Files and folders that appear whole or not at all, and locks of those that processes share."""

import errno
import fcntl
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vera.errors import VeraError, renamed
from vera.files import FULL_DISK, inode, real_path

_MARK = "vera-partial"


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give an empty file beside `path`, of the same suffix, that takes its name when the block ends well.

    It is on the disk before it does, and is removed when the block fails. Its name is nobody else's: two runs with one
    output do not meet, and the last one counts. What killed runs left is removed. A symbolic link is written through.
    What the system says comes as OSError. Errors of the block that name the file beside name `path` instead.
    """
    named, path = path, real_path(path)
    if path.exists() and not path.is_file():  # a link to a device, which would be replaced by the file
        raise FileExistsError(errno.EEXIST, "is no regular file", str(path))
    # Of the suffix that was asked for, whatever a link's target has: writers choose the format by it.
    beside = path.with_suffix(named.suffix)
    with _partial(beside, lambda name: os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))) as partial:
        with _told_as(partial, named):
            yield partial
        sync(partial)
        partial.replace(path)
        sync(path.parent)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file, whole or not at all, as `whole_file` does."""
    with whole_file(path) as partial:
        partial.write_text(text, encoding="utf-8")


@contextmanager
def whole_folder(folder: Path, replaced: Callable[[Path], Iterable[str]] | None = None) -> Iterator[Path]:
    """Give an empty folder beside `folder` that takes its name when the block ends well, as `whole_file` does a file.

    A folder of that name is replaced: of its files go those that `replaced` names, relative to the folder it is given;
    all others move to the new one, as `former NAME` where it has the name. None: all of them go. A replacement that was
    killed half-way is finished or undone by the next call for the same name.
    """
    named, folder = folder, real_path(folder)
    with locked(folder.parent):
        _settle(folder, replaced)
    with _partial(folder, Path.mkdir) as partial:
        with _told_as(partial, named):
            yield partial
        for path in (*partial.rglob("*"), partial):
            sync(path)
        with locked(folder.parent):
            _settle(folder, replaced)
            if folder.exists():
                folder.rename(_old(folder))
            partial.rename(folder)
            sync(folder.parent)
            _settle(folder, replaced)


@contextmanager
def scratch_folder(path: Path) -> Iterator[Path]:
    """Give an empty folder beside `path` that is gone when the block ends; what killed runs left of it is removed."""
    with _partial(real_path(path), Path.mkdir) as scratch, _told_as(scratch, path):
        yield scratch


def check_replaceable(folder: Path) -> None:
    """Raise VeraError where no folder can take the name `folder`, or what runs in it would be left in one that is gone.

    That is where a disk is mounted, and the current folder with those around it. To be asked before long work.
    """
    place = real_path(folder)
    if place.is_mount():
        raise VeraError(f"{folder}: is where a disk is mounted, and cannot be replaced; name a folder in it")
    with suppress(FileNotFoundError):  # the current folder is gone already
        if Path.cwd().is_relative_to(place):
            raise VeraError(f"{folder}: is or holds the current folder, and cannot be replaced; name another folder")


def _old(folder: Path) -> Path:
    """Where a folder waits while its successor takes its name."""
    name = _cut(folder.name, 200)
    if name != folder.name:
        name += hashlib.sha256(os.fsencode(folder.name)).hexdigest()[:8]  # it is this folder's alone
    return folder.with_name(f".{name}.vera-old")


def _settle(folder: Path, replaced: Callable[[Path], Iterable[str]] | None) -> None:
    """Finish a replacement of `folder` by moving what it keeps out of its former self, or undo one not yet made."""
    old = _old(folder)
    if not old.exists():
        return
    if not folder.exists():
        old.rename(folder)
        return
    if replaced is not None:
        gone = set(replaced(old))
        for path in [path for path in old.rglob("*") if not path.is_dir() or path.is_symlink()]:
            place = folder / path.relative_to(old)
            if path.relative_to(old).as_posix() not in gone:
                place.parent.mkdir(parents=True, exist_ok=True)
                while place.exists() or place.is_symlink():
                    place = place.with_name(f"former {place.name}")
                path.rename(place)
    remove_folder(old, folder)


def remove_folder(folder: Path, swept_by: Path | None = None) -> None:
    """Remove a folder. Killed meanwhile, this leaves no half of it under its name, but what is swept.

    That is done by the next `whole_folder` of the same name, or of `swept_by`.
    """
    doomed = _partial_path(swept_by or folder)
    folder.rename(doomed)
    shutil.rmtree(doomed, ignore_errors=True)


@contextmanager
def _partial(path: Path, create: Callable[[Path], None]) -> Iterator[Path]:
    """Create a file or folder of a name of its own beside `path`, locked while the block runs and gone after it."""
    _sweep(path.parent, *map(re.escape, _parts(path)))
    while True:
        partial = _partial_path(path)
        create(partial)
        lock = _lock(partial)
        if partial.exists():
            break
        os.close(lock)  # another run swept it before it was locked
    try:
        yield partial
    finally:
        os.close(lock)
        if partial.is_dir():
            shutil.rmtree(partial, ignore_errors=True)
        else:
            partial.unlink(missing_ok=True)


@contextmanager
def _told_as(partial: Path, named: Path) -> Iterator[None]:
    """Have the errors of a block name what a partial file or folder will be, also those of a full disk.

    The system tells which file cannot be opened, but not which one cannot be written to.
    """
    with renamed(partial, named):
        try:
            yield
        except OSError as error:
            if error.errno in FULL_DISK and error.filename is None:
                with suppress(AttributeError):  # PyAV's errors read it from their arguments
                    error.filename = str(named)
            raise


def _partial_path(path: Path) -> Path:
    stem, suffix = _parts(path)
    return path.with_name(f".{stem}.{secrets.token_hex(4)}.{_MARK}{suffix}")


def whole_name(path: Path) -> Path:
    """Return what a path will be called once the partial files and folders in it have their names."""
    return Path(*(re.sub(rf"^\.(.*)\.[0-9a-f]{{8}}\.{_MARK}", r"\1", part, flags=re.DOTALL) for part in path.parts))


def _parts(path: Path) -> tuple[str, str]:
    """Stem and suffix of a name, with as much of the stem as a name beside it has room for."""
    suffix = path.suffix if len(path.suffix) < 32 else ""
    return _cut(path.stem, 200 - len(os.fsencode(suffix))), suffix


def _cut(name: str, size: int) -> str:
    """As much of a name as fits into so many bytes."""
    return name if len(os.fsencode(name)) <= size else os.fsencode(name)[:size].decode("utf-8", "ignore")


def sweep(folder: Path) -> None:
    """Remove what runs that were killed left in `folder` for any name: partial files and folders nobody holds locked.

    For folders that are Vera's own, where a name may not come again.
    """
    _sweep(folder, ".*", ".*")


def _sweep(folder: Path, stem: str, suffix: str) -> None:
    name = re.compile(rf"\.{stem}\.[0-9a-f]{{8}}\.{_MARK}{suffix}", re.DOTALL)
    with suppress(OSError):
        for left in [left for left in folder.iterdir() if name.fullmatch(left.name) and not left.is_symlink()]:
            with suppress(OSError):
                lock = os.open(left, os.O_RDONLY)
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(left) if left.is_dir() else left.unlink()
                finally:
                    os.close(lock)


def _lock(path: Path) -> int:
    """Lock a file or folder until the descriptor is closed."""
    held = os.open(path, os.O_RDONLY)
    with suppress(OSError):  # some network file systems have no locks: names are still nobody else's
        fcntl.flock(held, fcntl.LOCK_EX)
    return held


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a folder in which names are settled, so that who else holds it does not see them half-way."""
    if _MARK in path.name:  # a partial folder is locked, and nobody else's, already
        yield
        return
    held = _lock(path)
    try:
        yield
    finally:
        os.close(held)


@contextmanager
def alone(path: Path, taken: str) -> Iterator[None]:
    """Hold a file, which is there meanwhile, for this process alone, not those that it forks.

    VeraError, which says `taken`, if another process holds it.
    """
    while True:
        with path.open("ab") as held:
            try:
                fcntl.lockf(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except (BlockingIOError, PermissionError):
                raise VeraError(taken) from None
            except OSError:  # some network file systems have no locks
                pass
            state = os.fstat(held.fileno())
            if inode(path) != (state.st_dev, state.st_ino):
                continue  # who held it before removed it in between
            try:
                yield
            finally:
                path.unlink(missing_ok=True)
            return


@contextmanager
def made_folder(folder: Path) -> Iterator[None]:
    """Make a folder if it is missing, and those around it; what is empty of them goes again if the block fails."""
    place = folder.absolute()
    made = [path for path in (place, *place.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        with suppress(OSError):
            for path in made:
                path.rmdir()
        raise


def sync(path: Path) -> None:
    """Have the system put a file or a folder's names on the disk, so that a power cut does not empty them."""
    if path.is_symlink():
        return
    held = os.open(path, os.O_RDONLY)
    try:
        os.fsync(held)
    finally:
        os.close(held)
