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
    """Recover the matte and the edit layer of a clip that another program regenerated.

    Parameters
    ----------
    source
        The clip as it was.
    edited
        Any editor's edit of it. Codec, size and frame rate may differ, colours and place a little.
    out
        Folder for the layers, as `vera edit --layers` writes it.
    mask
        Picture or video, of the source's size, whose white marks what the edit preserves.
    matte
        The same, whose white marks what the edit covers for certain, also where it looks like the source.
    matting
        ViTMatte, which finds hair and fine edges of solid things: a folder, or a model of the hub such as
        hustvl/vitmatte-small-composition-1k.
    device
        Where it runs: auto, cpu, cuda, cuda:1, mps.
    sheet
        PNG of a few frames: both clips, the matte, the layers over the source, and what was refused.
    """
    from vera.layers.layerize import layerize as recover

    network = None
    if matting is not None:
        from vera.pipelines.matting import load_matting

        network = load_matting(matting, device)
    clip, other = (reading.open(path) for path in (source, edited))
    with progress_bar() as report:
        done = recover(clip, other, out, mask, report, matte, sheet, network)
    width, height = done.size
    say(f"layers   {done.layers}")
    say(f"frames   {done.frames} of {done.source_frames} at {width}x{height}, {done.coverage:.1%} covered")
    say(f"refused  {done.refused:.2f} of 255 on average, where alpha is 0")
    for notice in done.notices:
        say(f"note     {notice}")
