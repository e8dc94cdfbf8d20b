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
    """Write layers in a format that another program reads, with a README that says how to use them there.

    Parameters
    ----------
    layers
        Layer folder that `vera edit --layers` wrote, or a project file, whose layers are exported as adjusted there.
    to
        Target, such as prores4444, exr or nuke; an unknown name lists all targets. May be repeated.
    source
        The clip that the layers were made for. Default: the clip of the recorded name beside the layer folder.
    out
        Folder for the exports, each in a folder of its own. Default: export, in the layer folder or beside the project.
    start_frame
        Number of the source's first frame in the names of numbered files. Default: that of the source's own pictures,
        or 1001.
    light
        Values in OpenEXR files (exr, nuke). linear: linear light. display: encoded as the source's values are.
    frame
        For psd: the frame to write, by its number in file names. Default: the middle of the edit.
    force
        Accept layers that were made for another clip; each frame of them goes to the nearest frame in time.
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
