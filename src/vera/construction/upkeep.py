"""A build between its runs: what failed tried again, files compared with their hashes, what nothing names removed."""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from vera.construction.construct import reopened
from vera.construction.engine.record import Layout, Record, read_record, write_record
from vera.files import file_hash
from vera.progress import Progress
from vera.whole import locked, sweep

# A clip of a sample, as `stages.samples.sample_row` names it.
SAMPLE = re.compile(r"[0-9a-f]{16}_(?P<clip>[0-9a-f]{16})_o\d+_\w+\.mp4", re.ASCII)


def retry(out: Path, reason: str | None = None) -> int:
    """Forget all failures, or the rejections of a `reason`, so that the next build runs them anew; how many."""
    count = 0
    with reopened(out) as build:
        for about in build.held():
            path = build.layout.record(about.kind, about.id)
            if not path.is_file():
                continue
            with locked(path.parent):
                record = read_record(path) or about
                kept = {
                    key: entry
                    for key, entry in record.stages.items()
                    if not (entry.status == "failed" if reason is None else entry.reason == reason)
                }
                if len(kept) < len(record.stages):
                    count += len(record.stages) - len(kept)
                    write_record(path, Record(record.kind, record.id, record.about, kept))
        build.refresh()
    return count


def verify_build(out: Path, mend: bool = False, progress: Progress | None = None) -> list[str]:
    """Compare all files with the hashes in the records; the paths of those that are gone or differ.

    With `mend` they are removed from the disk, so that the next build makes them anew.
    """
    wrong = []
    with reopened(out) as build:
        abouts = list(build.held())
        for number, about in enumerate(abouts, 1):
            record = read_record(build.layout.record(about.kind, about.id))
            collected = record is not None and build.is_given_up(record)
            for path, digest in _files(record):
                file = out / path
                if collected and not file.is_file():
                    continue
                if not file.is_file() or file_hash(file) != digest:
                    wrong.append(path)
                    if mend:
                        file.unlink(missing_ok=True)
            if progress is not None:
                progress("verify", number, len(abouts))
        if mend:
            build.refresh()
    return sorted(wrong)


def collect_garbage(out: Path) -> tuple[int, int]:
    """Remove clips that the footage no longer has, files that no record names or that are of rejected clips, and what
    killed runs left.

    Returns how many files went, and their bytes. Not while a build runs.
    """
    files = size = 0
    with reopened(out) as build:
        layout = build.layout
        records = [build.record(about) for about in build.held()]
        live = {record.id for record in records}
        named = {path for record in records if not build.is_given_up(record) for path, _ in _files(record)}
        folders = [folder for kind in ("source", "clip") for folder in layout.folders(kind)]
        for path in [path for path in _made(layout, folders) if path.relative_to(out).as_posix() not in named]:
            if path.name == "record.json" and path.parent.name in live:
                continue
            files, size = files + 1, size + path.stat().st_size
            path.unlink()
        for folder in (folder for folder in folders if folder.name not in live):
            for empty in sorted([folder, *(path for path in folder.rglob("*") if path.is_dir())], reverse=True):
                with suppress(OSError):  # it holds what is somebody else's
                    empty.rmdir()
    return files, size


def _files(record: Record | None) -> list[tuple[str, str]]:
    stages = {} if record is None else record.stages
    return [held for entry in stages.values() for held in entry.files.items()]


def _made(layout: Layout, folders: Sequence[Path]) -> Iterator[Path]:
    """All files of units and clips of their samples, known by their names: others may lie there too."""
    for folder in folders:
        sweep(folder)
        files = (path for path in folder.rglob("*") if path.is_file())
        yield from (path for path in files if path.suffix == ".mkv" or path.name == "record.json")
    units = {folder.name for folder in folders}
    for path in layout.dataset.glob("*/*/*/*.mp4"):
        if (found := SAMPLE.fullmatch(path.name)) is not None and found["clip"] in units:
            yield path
