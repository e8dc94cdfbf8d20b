"""A stack of edits over one source, and the file `project.json` that keeps it."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vera.errors import VeraError, brief
from vera.files import check_outputs, json_text, read_json, real_path
from vera.layers.adjust import NEUTRAL, Adjustment, adjustment_from_json
from vera.layers.folder import layer_files, load_layers
from vera.layers.layered_edit import LayeredEdit
from vera.whole import write_text

FORMAT = 1
MOST_LAYERS = 64


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


def check_project(path: Path, layers: list[ProjectLayer]) -> None:
    """Raise VeraError unless `path` can be a project of these layers: of at most `MOST_LAYERS`, in its folder or below.

    That is all that a project may name, so that one from a stranger does not choose what else is read.
    """
    if len(layers) > MOST_LAYERS:
        raise VeraError(f"{path}: a project has at most {MOST_LAYERS} layers, not {len(layers)}")
    for layer in layers:
        _seen_from(path, layer.folder)


def _seen_from(path: Path, folder: Path) -> str:
    """Name a folder from where a project file stands."""
    for home, place in (
        (_plain(path.parent), _plain(folder)),  # links keep their own names
        (real_path(path.parent), real_path(folder)),
    ):
        if place.is_relative_to(home):
            return place.relative_to(home).as_posix()
    raise VeraError(
        f"{path}: a project names layers in its own folder or below, and {folder} is not; write it where they are"
    )


def _plain(path: Path) -> Path:
    return Path(os.path.normpath(path.absolute()))


def stack_files(paths: Iterable[Path]) -> list[Path]:
    """Name every file that `open_stack` reads of layer folders or projects. VeraError for a damaged project."""
    files = []
    for path in paths:
        folders = [layer.folder for layer in read_project(path)[0]] if path.is_file() else [path]
        files += [path, *(file for folder in folders for file in layer_files(folder))]
    return files


def write_project(path: Path, layers: list[ProjectLayer], strict_chroma: bool = False) -> None:
    """Write a project file; folders are named from where it stands, so that both can be moved together.

    Raises VeraError as `check_project`, if that would overwrite a file of a layer, and if the disk refuses.
    """
    check_project(path, layers)
    check_outputs(stack_files(layer.folder for layer in layers), [path])
    lines = [
        {"folder": _seen_from(path, layer.folder), "on": layer.on} | layer.adjustment.to_json() for layer in layers
    ]
    project = {"format": FORMAT, "strict_chroma": strict_chroma, "layers": lines}
    try:
        write_text(path, json_text(project) + "\n")
    except OSError as error:
        raise VeraError(f"{path}: the project cannot be written ({error.strerror})") from None


def read_project(path: Path) -> tuple[list[ProjectLayer], bool]:
    """The layers of a project file, the lowest first, and its `strict_chroma`. VeraError for anything else.

    It names folders beside itself or below, and no others.
    """
    try:
        project = read_json(path)
    except VeraError as error:
        raise VeraError(f"{error} (layers are folders, or one project file)") from None
    if not isinstance(project, dict) or not isinstance(project.get("layers"), list):
        raise VeraError(f"{path}: is not a project: it has no list of layers")
    if type(project.get("format")) is not int or project["format"] != FORMAT:
        raise VeraError(f"{path}: is of format {brief(project.get('format'))}, this version of Vera reads {FORMAT}")
    strict = project.get("strict_chroma", False)
    if not isinstance(strict, bool):
        raise VeraError(f"{path}: `strict_chroma` is true or false, not {brief(strict)}")
    if len(project["layers"]) > MOST_LAYERS:
        raise VeraError(f"{path}: a project has at most {MOST_LAYERS} layers, not {len(project['layers'])}")
    try:
        return [_layer(path, line) for line in project["layers"]], strict
    except VeraError as error:
        raise VeraError(f"{path}: {error}") from None


def _layer(path: Path, line: Any) -> ProjectLayer:
    if not isinstance(line, dict) or not isinstance(line.get("folder"), str) or type(line.get("on", True)) is not bool:
        raise VeraError('a layer is written as {"folder": NAME, "on": true} with its adjustments')
    folder = line["folder"]
    if not folder or Path(folder).anchor or ".." in Path(folder).parts:
        raise VeraError(f"names {brief(folder)}; a project names layers in its own folder or below")
    rest = {name: value for name, value in line.items() if name not in ("folder", "on")}
    return ProjectLayer(path.parent / folder, adjustment_from_json(rest), line.get("on", True))
