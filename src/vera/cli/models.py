"""`vera models`: which models `--model` takes."""

from typing import TYPE_CHECKING

from vera.cli.terminal import say

if TYPE_CHECKING:
    from vera.pipelines.catalogue import ModelEntry


def models() -> None:
    """List the models that --model accepts: installed, in the hub's cache, or known by name. Nothing is downloaded."""
    from vera.pipelines.catalogue import list_models

    rows = [("model", "where", "kind", "disk", "GPU", "licence", "for"), *map(_row, list_models())]
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    for row in rows:
        say("  ".join([text.ljust(width) for text, width in zip(row[:6], widths, strict=True)] + [row[6]]))


def _row(entry: "ModelEntry") -> tuple[str, ...]:
    kind = "editor" if entry.editor else "layers"
    name = entry.name if entry.name == entry.full or not entry.editor else f"{entry.name} ({entry.full})"
    return (name, entry.where, kind, _size(entry.size), _size(entry.memory), entry.license, entry.tasks)


def _size(size: float | None) -> str:
    if size is None:
        return "-"
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"
