"""`vera layerize`."""

from pathlib import Path

from vera.cli.options import READING, Reading
from vera.cli.progress import progress_bar
from vera.cli.terminal import say


def layerize(
    source: Path,
    edited: Path,
    /,
    *,
    out: Path,
    mask: Path | None = None,
    matte: Path | None = None,
    matting: str | None = None,
    device: str = "auto",
    sheet: Path | None = None,
    reading: Reading = READING,
) -> None:
    """Recover layers from an edit that another program made.

    Parameters
    ----------
    source
        The clip before the edit.
    edited
        The clip after the edit. Codec, size and frame rate may differ, colours and position slightly.
    out
        Folder for the layers, in the form that `vera edit --layers` writes.
    mask
        Picture or video of the source's size; white marks what the edit preserves.
    matte
        Picture or video of the source's size; white marks what the edit certainly covers, even where it looks like the
        source.
    matting
        ViTMatte network that finds hair and fine edges of solid objects: a folder, or a model on the hub such as
        hustvl/vitmatte-small-composition-1k. Default: none.
    device
        Device that the network runs on: cpu, cuda, cuda:1 or mps. auto: a GPU if there is one.
    sheet
        Also write a PNG of a few frames: both clips, the matte, the layers over the source, and what was refused.
    """
    from vera.layers.layerize import layerize as recover
    from vera.layers.layerize.drift import check_sheet

    if sheet is not None:
        check_sheet(sheet)  # before a network is fetched
    clip, other = (reading.open(path) for path in (source, edited))
    network = None
    if matting is not None:
        from vera.pipelines.matting import load_matting

        network = load_matting(matting, device)
    with progress_bar() as report:
        done = recover(clip, other, out, mask, report, matte, sheet, network)
    width, height = done.size
    say(f"layers   {done.layers}")
    say(f"frames   {done.frames} of {done.source_frames} at {width}x{height}, {done.coverage:.1%} covered")
    say(f"refused  {done.refused:.2f} of 255 on average, where alpha is 0")
    for notice in done.notices:
        say(f"note     {notice}")
