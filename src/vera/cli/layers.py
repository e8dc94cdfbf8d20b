"""`vera composite` and `vera verify`: work on saved layers, without the model."""

from pathlib import Path

from vera.choices import MasterKind
from vera.cli.master import print_master
from vera.cli.options import NOT_ADJUSTED, READING, Adjusting, Force, Reading, Sound
from vera.cli.progress import progress_bar
from vera.cli.terminal import say
from vera.errors import VeraError


def composite(
    source: Path,
    /,
    *layers: Path,
    out: Path,
    master: MasterKind | None = None,
    codec: str | None = None,
    force: Force = False,
    reading: Reading = READING,
    sound: Sound = "copy",
    adjusting: Adjusting = NOT_ADJUSTED,
    strict_chroma: bool = False,
    project: Path | None = None,
) -> None:
    """Composite saved layers over their source, adjusted if you like, without a model.

    Parameters
    ----------
    source
        The clip that the layers were made for.
    layers
        Layer folders that `vera edit --layers` wrote, lowest first, or one project file.
    out
        File to write the result to; its suffix selects the container.
    master
        What the result guarantees. exact (the default): no sample changes outside the matte. smart (H.264, H.265): only
        frames that the edit affects are encoded again, all other packets are copied. delivery: an ordinary encode.
    codec
        Codec of the result, such as ffv1, h264-lossless or h264. Default: by the master and the file's suffix.
    strict_chroma
        Change a chroma sample only if all pixels that share it have alpha above 0.
    project
        Also write a project file with the layers, their order and these settings. You can edit it, and give it as
        LAYERS.
    """
    from vera.files import check_outputs
    from vera.layers import open_stack, stack_files
    from vera.layers.masters import write_master
    from vera.layers.stack import ProjectLayer, check_project, write_project
    from vera.video.sequence import source_files, written_path

    if not layers:
        raise VeraError("name the layer folders to lay over the source, or a project file")
    check_outputs([*source_files(source), *stack_files(layers)], [written_path(out), project])
    adjustment = adjusting.adjustment()
    stack = open_stack(list(layers), adjustment, strict_chroma)
    if project is not None and layers[0].is_file():
        raise VeraError(f"{layers[0]}: is a project already; edit that file")
    lines = [ProjectLayer(folder, adjustment) for folder in layers]
    if project is not None:
        check_project(project, lines)
    with progress_bar() as report:
        written = write_master(reading.open(source, sound), stack, out, master, codec, report, force)
    print_master(written)
    if project is not None:
        write_project(project, lines, strict_chroma)
        say(f"project  {project}")


def verify(
    source: Path,
    result: Path,
    layers: Path | None = None,
    /,
    *,
    master: MasterKind = "exact",
    force: Force = False,
    reading: Reading = READING,
    sound: Sound = "copy",
) -> int:
    """Check that a result keeps what its master guarantees; exit code 0 if it does, 1 if not.

    With two arguments, SOURCE LAYERS, check that the source is still the file that the layers were made for.

    Parameters
    ----------
    source
        The clip that was edited.
    result
        The master to check.
    layers
        Layer folder that `vera edit --layers` wrote, or project file, that the result was made from.
    master
        Guarantee to check. exact: no sample changed where alpha is 0. smart: all packets that the edit need not change
        are the source's. delivery: guarantees nothing; changes are measured.
    """
    from vera.layers import load_layers, open_stack, verify_layers
    from vera.layers import verify as count

    clip = reading.open(source, sound)
    if layers is None and result.is_file():
        raise VeraError(f"{result}: to check a result, name the layers that it was made from after it")
    if layers is None:
        edit = load_layers(result)
        verify_layers(clip, edit, force)
        say(f"layers   {len(edit.pts)} frames that fit {source}, which is as it was")
        return 0
    with progress_bar() as progress:
        report = count(clip, result, open_stack([layers]), master, force, progress)
    say(f"samples    {report.samples:>15,}  in {report.frames} frames")
    say(f"preserved  {report.preserved:>15,}  where alpha is 0")
    say(f"changed    {report.changed:>15,}  of the preserved")
    if report.changed:
        say(f"           by {report.max_difference:g} at most (code values; of EXR, light), {report.psnr:.1f} dB")
    if report.packets:
        say(f"packets    {report.packets:>15,}  of which {report.kept:,} are the source's own")
    for line in report.lost:
        say(f"lost       {line}")
    if report.broken is not None:
        say(f"broken     {report.broken}")
    return 0 if report.broken is None else 1
