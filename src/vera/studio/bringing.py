"""Layer folders and projects from elsewhere, brought into the studio: copied, never written to."""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from anyio import from_thread

from vera.errors import VeraError
from vera.service.names import plain_name
from vera.studio.clips import open_path
from vera.studio.footage import describe_layers
from vera.studio.projects import create_project, part_folder, project_folder, project_record, write_layers
from vera.studio.roots import root_path
from vera.studio.schema.adjustment import Layer
from vera.studio.schema.projects import NewProject
from vera.studio.schema.takes import Bring, Take
from vera.studio.studio import Studio
from vera.studio.takes import new_take, submit_take


def bring_for(studio: Studio, project: str, asked: Bring) -> Take:
    """Bring the layer folder that a request names into a project. Raises VeraError for a request of none or both."""
    if (asked.root is None) != bool(asked.uploads):
        raise VeraError("name a layer folder below a root, or the uploads that it is of: one of them")
    if asked.root is None:
        return _bring_uploads(studio, project, asked.uploads)
    layers = root_path(studio, asked.root, asked.inside or "")
    _check_inside([layers], studio.roots[asked.root])
    return bring_layers(studio, project, layers)


def bring_layers(studio: Studio, project: str, layers: Path) -> Take:
    """Copy a layer folder into a project and queue its proxies: a take once they are done.

    Instruction, seed and model are those of its manifest. Raises VeraError for what is no layer folder.
    """
    from vera.layers import layer_files

    studio.drawing.call(describe_layers, layers)
    return _bring(studio, project, {path.name: path for path in layer_files(layers)}, layers.name)


def open_root(studio: Studio, root: str, inside: str) -> str:
    """Open a layer folder or a project file below a root, with its clip; returns the project's id."""
    path, home = root_path(studio, root, inside), studio.roots[root]
    return open_project(studio, path, home) if path.is_file() else open_layers(studio, path, home)


def open_layers(studio: Studio, layers: Path, home: Path | None = None) -> str:
    """Open a layer folder, with its clip beside it, as a project of one layer; returns its id.

    Nothing outside of `home` is opened, if there is one.
    """
    return _open(studio, [layers], [{}], False, layers.name, home)


def open_project(studio: Studio, path: Path, home: Path | None = None) -> str:
    """Open a project file, with its clip beside its layers, as a project of the studio; returns its id.

    Nothing outside of `home` is opened, if there is one.
    """
    from vera.layers.stack import read_project

    layers, strict = read_project(path)
    if not layers:
        raise VeraError(f"{path}: has no layers, so nothing says which clip it is of; open the clip")
    adjusted = [{"on": layer.on} | layer.adjustment.to_json() for layer in layers]
    return _open(studio, [layer.folder for layer in layers], adjusted, strict, path.absolute().parent.name, home)


def _open(
    studio: Studio, folders: list[Path], adjusted: list[dict[str, Any]], strict: bool, name: str, home: Path | None
) -> str:
    from vera.layers.export import recorded_source

    if home is not None:
        _check_inside(folders, home)
    said = [studio.drawing.call(describe_layers, folder) for folder in dict.fromkeys(folders)]
    source = recorded_source(folders[0], {"name": said[0]["source"]})
    if home is not None:
        _check_real([source], home)
    clip = open_path(studio, source)
    project = create_project(studio, NewProject(clip=clip.id, name=name[:200] or None)).body.id
    takes = {folder: bring_layers(studio, project, folder).id for folder in dict.fromkeys(folders)}
    layers = [Layer(take=takes[folder], **values) for folder, values in zip(folders, adjusted, strict=True)]
    write_layers(project_folder(studio, project), layers, strict)
    return project


def _bring_uploads(studio: Studio, project: str, uploads: list[str]) -> Take:
    from vera.layers import layer_files

    whole = {plain_name(one.name): one for one in map(studio.uploads.whole, uploads)}
    wanted = {path.name for path in layer_files(Path())}
    if whole.keys() != wanted or len(uploads) != len(wanted):
        raise VeraError(f"a layer folder is {', '.join(sorted(wanted))}; send these files")
    take = _bring(studio, project, {name: one.path for name, one in whole.items()}, "uploaded")
    for upload in uploads:
        from_thread.run(studio.uploads.remove, upload)
    return take


def _bring(studio: Studio, project: str, files: dict[str, Path], name: str) -> Take:
    take = new_take(project)
    folder = part_folder(studio, project, "brought") / take
    folder.mkdir()
    try:
        for own, path in files.items():
            shutil.copyfile(path, folder / own)
        said = studio.drawing.call(describe_layers, folder)
        spec = {"clip": project_record(studio, project)["clip"], "take": take}
        spec |= {part: said[part] for part in ("instruction", "seed", "model")}
        return submit_take(studio, project, "take_proxy", spec, {"brought": name}, take)
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        project_folder(studio, project)  # MissingError: deleted meanwhile
        if isinstance(error, VeraError):  # its user need not know where the copy lay
            raise VeraError(str(error).replace(f"{folder}/", "")) from None
        raise


def _check_inside(folders: Iterable[Path], home: Path) -> None:
    """VeraError unless layer folders, and their files, really lie below `home`: links may lead out."""
    from vera.layers import layer_files

    for folder in folders:
        _check_real([folder, *layer_files(folder)], home)


def _check_real(paths: Iterable[Path], home: Path) -> None:
    for path in paths:
        if not path.resolve().is_relative_to(home.resolve()):
            raise VeraError(f"{path.name}: leads out of the folder that was named when the studio was started")
