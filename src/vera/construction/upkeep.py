"""A build between its runs: what failed tried again, files compared with their hashes, what nothing names removed."""

import shutil
from pathlib import Path

from vera.construction.construct import reopened
from vera.construction.engine.record import Layout, Record, read_record, write_record
from vera.files import file_hash, locked, sweep
from vera.progress import Progress


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
        for path in (path for kind in ("source", "clip") for path in layout.records(kind)):
            sweep(path.parent)
            if path.parent.name not in live:
                named -= {held for held, _ in _files(read_record(path))}
        for path in [path for path in _below(layout) if path.relative_to(out).as_posix() not in named]:
            if path.name == "record.json" and path.parent.name in live:
                continue
            files, size = files + 1, size + path.stat().st_size
            path.unlink()
        for folder in [layout.folder(kind, unit) for kind, unit in _folders(layout)]:
            if folder.name not in live:
                shutil.rmtree(folder, ignore_errors=True)
    return files, size


def _files(record: Record | None) -> list[tuple[str, str]]:
    stages = {} if record is None else record.stages
    return [held for entry in stages.values() for held in entry.files.items()]


def _below(layout: Layout) -> list[Path]:
    """All files of units, and the clips of samples."""
    units = [path for kind in ("sources", "clips") for path in (layout.root / kind).rglob("*") if path.is_file()]
    return units + [path for path in layout.dataset.rglob("*.mp4") if path.is_file()]


def _folders(layout: Layout) -> list[tuple[str, str]]:
    return [
        (kind, folder.name)
        for kind in ("source", "clip")
        for folder in sorted((layout.root / f"{kind}s").glob("??/*"))
        if folder.is_dir()
    ]
