"""Layer folders and projects from elsewhere, brought into the studio: copied, never written to."""

import shutil
from pathlib import Path
from typing import Any

from vera.errors import VeraError
from vera.studio.clips import open_path
from vera.studio.projects import create_project, project_folder, project_record, write_layers
from vera.studio.schema.adjustment import Layer
from vera.studio.schema.projects import NewProject
from vera.studio.schema.takes import Take
from vera.studio.studio import Studio
from vera.studio.takes import new_take, submit_take


def bring_layers(studio: Studio, project: str, layers: Path) -> Take:
    """Copy a layer folder into a project and queue its proxies: a take once they are done.

    Instruction, seed and model are those of its manifest. Raises VeraError for what is no layer folder.
    """
    from vera.layers import layer_files, load_layers

    said = load_layers(layers).metadata
    take = new_take(project)
    folder = project_folder(studio, project) / "brought" / take
    folder.mkdir(parents=True)
    for path in layer_files(layers):
        shutil.copyfile(path, folder / path.name)
    spec = {"clip": project_record(studio, project)["clip"], "take": take, "instruction": _text(said, "instruction")}
    spec |= {"seed": _seed(said), "model": _text(said, "model") or None}
    return submit_take(studio, project, "take_proxy", spec, {"brought": layers.name}, take)


def open_layers(studio: Studio, layers: Path) -> str:
    """Open a layer folder, with its clip beside it, as a project of one layer; returns its id."""
    return _open(studio, [layers], [{}], False, layers.name)


def open_project(studio: Studio, path: Path) -> str:
    """Open a project file, with its clip beside its layers, as a project of the studio; returns its id."""
    from vera.layers.stack import read_project

    layers, strict = read_project(path)
    if not layers:
        raise VeraError(f"{path}: has no layers, so nothing says which clip it is of; open the clip")
    adjusted = [{"on": layer.on} | layer.adjustment.to_json() for layer in layers]
    return _open(studio, [layer.folder for layer in layers], adjusted, strict, path.absolute().parent.name)


def _open(studio: Studio, folders: list[Path], adjusted: list[dict[str, Any]], strict: bool, name: str) -> str:
    from vera.layers import load_layers
    from vera.layers.export import recorded_source

    clip = open_path(studio, recorded_source(folders[0], load_layers(folders[0]).metadata.get("source")))
    project = create_project(studio, NewProject(clip=clip.id, name=name[:200] or None)).body.id
    takes = {folder: bring_layers(studio, project, folder).id for folder in dict.fromkeys(folders)}
    layers = [Layer(take=takes[folder], **values) for folder, values in zip(folders, adjusted, strict=True)]
    write_layers(project_folder(studio, project), layers, strict)
    return project


def _text(said: Any, name: str) -> str:
    value = said.get(name)
    value = value.get("name") if isinstance(value, dict) else value
    return value[:2000] if isinstance(value, str) else ""


def _seed(said: Any) -> int | None:
    seed = said.get("seed")
    return seed if type(seed) is int and 0 <= seed < 2**53 else None
