"""A stack of edits over one source, and the file `project.json` that keeps it."""

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vera.errors import VeraError
from vera.layers.adjust import NEUTRAL, Adjustment, adjustment_from_json
from vera.layers.layered_edit import LayeredEdit
from vera.layers.package import load_layers

FORMAT = 1


@dataclass(frozen=True)
class Stack:
    """Edits to lay over one source in this order, each over the result of those before, each as it is adjusted.

    With `strict_chroma` a chroma sample changes only if every luma sample that shares it has some alpha.
    """

    edits: tuple[LayeredEdit, ...]
    strict_chroma: bool = False


@dataclass(frozen=True)
class ProjectLayer:
    """A line of a project: a layer folder, how it is adjusted, and whether it is laid."""

    folder: Path
    adjustment: Adjustment = NEUTRAL
    on: bool = True


def open_stack(paths: list[Path], adjustment: Adjustment = NEUTRAL, strict_chroma: bool = False) -> Stack:
    """The stack of layer folders, the lowest first and all adjusted alike, or of one project file, which says its own.

    VeraError if one of them is missing or is neither, or if a project is to be adjusted or mixed with others.
    """
    if not any(path.is_file() for path in paths):
        return Stack(tuple(replace(load_layers(path), adjustment=adjustment) for path in paths), strict_chroma)
    if len(paths) > 1 or adjustment != NEUTRAL:
        raise VeraError(f"{next(filter(Path.is_file, paths))}: is a project, which has its own layers and settings")
    layers, strict = read_project(paths[0])
    chosen = (replace(load_layers(layer.folder), adjustment=layer.adjustment) for layer in layers if layer.on)
    return Stack(tuple(chosen), strict or strict_chroma)


def write_project(path: Path, layers: list[ProjectLayer], strict_chroma: bool = False) -> None:
    """Write a project file; folders are named from where it stands, so that both can be moved together."""
    lines = [
        {"folder": Path(os.path.relpath(layer.folder, path.parent)).as_posix(), "on": layer.on}
        | layer.adjustment.to_json()
        for layer in layers
    ]
    project = {"format": FORMAT, "strict_chroma": strict_chroma, "layers": lines}
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_text(json.dumps(project, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise VeraError(f"{path}: the project cannot be written ({error.strerror})") from None


def read_project(path: Path) -> tuple[list[ProjectLayer], bool]:
    """The layers of a project file, the lowest first, and its `strict_chroma`. VeraError for anything else."""
    try:
        project = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise VeraError(f"{path}: cannot be read as a project") from None
    if not isinstance(project, dict) or not isinstance(project.get("layers"), list):
        raise VeraError(f"{path}: is not a project: it has no list of layers")
    if project.get("format") != FORMAT:
        raise VeraError(f"{path}: is of format {project.get('format')}, this version of Vera reads {FORMAT}")
    try:
        return [_layer(path, line) for line in project["layers"]], bool(project.get("strict_chroma", False))
    except VeraError as error:
        raise VeraError(f"{path}: {error}") from None


def _layer(path: Path, line: Any) -> ProjectLayer:
    if not isinstance(line, dict) or not isinstance(line.get("folder"), str) or not isinstance(line.get("on", 1), int):
        raise VeraError('a layer is written as {"folder": NAME, "on": true} with its adjustments')
    rest = {name: value for name, value in line.items() if name not in ("folder", "on")}
    return ProjectLayer(path.parent / line["folder"], adjustment_from_json(rest), bool(line.get("on", True)))
