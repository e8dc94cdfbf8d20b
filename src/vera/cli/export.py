"""`vera export`."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from vera.choices import Light
from vera.cli.options import NOT_ADJUSTED, READING, Adjusting, Reading
from vera.cli.progress import progress_bar
from vera.cli.terminal import say
from vera.errors import VeraError


def export(
    layers: Path,
    /,
    *,
    to: Annotated[list[str], Parameter(negative=())],
    source: Path | None = None,
    reading: Reading = READING,
    out: Path | None = None,
    start_frame: int | None = None,
    light: Light = "linear",
    frame: int | None = None,
    adjusting: Adjusting = NOT_ADJUSTED,
    force: bool = False,
) -> None:
    """Write a layer folder in the form that other programs take, with a README that says what to click.

    Parameters
    ----------
    layers
        Folder that `vera edit --layers` wrote, or a project file, of which each layer is exported as it is adjusted.
    to
        What to export for, such as prores4444, exr or nuke; an unknown name lists all. May be given several times.
    source
        The clip that the layers were made for. Default: the one of that name beside the layer folder.
    out
        Folder for the exports, each in a folder of its own. Default: export, in the layer folder or
        beside the project.
    start_frame
        Number of the source's first frame in the names of numbered files. Default: as its own pictures are numbered, or
        1001.
    light
        What OpenEXR (exr, nuke) holds: linear light, or values encoded as the source's are.
    frame
        For psd: number of the frame, counted as the files are. Default: the middle of the edit.
    force
        Take the layers though they were made for another clip, each for the nearest frame.
    """
    from vera.layers.export import export_layers

    if source is None and reading != READING:
        raise VeraError("--deinterlace, --progressive and --rate say how to read the source: name it with --source")
    clip = None if source is None else reading.open(source)
    with progress_bar() as report:
        folders = export_layers(
            layers,
            to,
            source=clip,
            out=out,
            start_frame=start_frame,
            light=light,
            still=frame,
            adjustment=adjusting.adjustment(),
            force=force,
            progress=report,
        )
    for folder in folders:
        say(f"export   {folder} (see README.txt)")
