"""Exact pictures for the page, drawn by the process beside the server."""

from pathlib import Path

from vera.errors import VeraError
from vera.jobs.kinds.inputs import Source, find_source
from vera.service.errors import MissingError
from vera.studio.clips import clip_record
from vera.studio.display import display_lut
from vera.studio.footage import draw_picture, draw_still, read_samples
from vera.studio.projects import LAYERS, project_display, project_folder, project_record, read_layers
from vera.studio.schema.projects import Samples, View
from vera.studio.studio import Studio
from vera.studio.takes import take_folder, take_project


def exact_picture(
    studio: Studio,
    project: str,
    frame: int,
    view: View,
    format: str,
    take: str | None = None,
    window: str | None = None,
) -> bytes | None:
    """Draw a frame of a project, or of one of its takes alone, at full size as PNG or JPEG.

    None if the same `window` asks for another frame of the view before this one is begun. Raises MissingError for a
    frame or a take that there is not.
    """
    source, layers = _project(studio, project, frame)
    if take is not None:
        layers = _layers_of(studio, project, take)
    elif view != "source":
        _check_ready(layers)
    record = project_record(studio, project)
    display = project_display(record)
    lut = display_lut(studio, project, display)
    given = (source, layers, frame, view, format, lut, display.ocio)
    if window is None:
        return studio.drawing.call(draw_picture, *given)
    return studio.drawing.newest((window, project, view, take), draw_picture, *given)


def exact_samples(studio: Studio, project: str, frame: int, x: int, y: int) -> Samples:
    """Read code values at an upright pixel. Raises VeraError for a pixel that there is not."""
    source, layers = _project(studio, project, frame)
    _check_ready(layers)
    return Samples(**studio.drawing.call(read_samples, source, layers, frame, x, y))


def alpha_still(studio: Studio, take: str, frame: int) -> bytes:
    """Draw the matte of a layer frame as a grey PNG of the proxy's size. Raises MissingError if there is none."""
    path = take_folder(studio, take) / "alpha.webm"
    if not path.is_file():
        raise MissingError(f"take {take}: has no layers yet")
    return studio.drawing.call(draw_still, path, frame)


def _layers_of(studio: Studio, project: str, take: str) -> Path:
    if take_project(take) != project:
        raise MissingError(f"take {take}: is none of this project's")
    folder = take_folder(studio, take)
    if not (folder / "manifest.json").is_file():
        raise MissingError(f"take {take}: has no layers yet")
    return folder


def _check_ready(project: Path) -> None:
    """VeraError if a layer that is on has no files yet, as one that was just brought in."""
    for layer in read_layers(project)[0]:
        if layer.on and not (project.parent / "takes" / layer.take / "manifest.json").is_file():
            raise VeraError(f"take {layer.take}: has no layers yet; wait until it is done")


def _project(studio: Studio, project: str, frame: int) -> tuple[Source, Path]:
    record = project_record(studio, project)
    count = clip_record(studio, record["clip"])["probe"]["frames"]
    if frame >= count:
        raise MissingError(f"frame {frame}: the clip has 0 to {count - 1}")
    return find_source(studio.workspace, record["clip"]), project_folder(studio, project) / LAYERS
