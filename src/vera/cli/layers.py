"""`vera composite` and `vera verify`: work on a saved layer folder, without the model."""

from pathlib import Path
from typing import Literal

from vera.cli.master import print_master
from vera.cli.progress import progress_bar


def composite(
    source: Path,
    layers: Path,
    /,
    *,
    out: Path,
    master: Literal["exact", "smart", "delivery"] | None = None,
    codec: str | None = None,
    force: bool = False,
) -> None:
    """Lay a saved layer folder over its source again, without the model.

    Parameters
    ----------
    source
        The clip that the layers were made for.
    layers
        Folder that `vera edit --layers` wrote.
    out
        File to write; its suffix names the container.
    master
        exact: no sample changes outside the matte. smart: only groups of pictures that the edit touches are encoded
        again, all other packets stay (H.264, H.265). delivery: an ordinary encode. Default: exact.
    codec
        How to encode, such as ffv1, h264-lossless or h264. Default: as the master needs, by the suffix.
    force
        Take a source that is not the one that the layers were made for.
    """
    from vera.layers import load_layers
    from vera.layers.masters import write_master

    with progress_bar() as report:
        written = write_master(source, load_layers(layers), out, master, codec, report, force)
    print_master(written)


def verify(
    source: Path,
    result: Path,
    layers: Path | None = None,
    /,
    *,
    master: Literal["exact", "smart", "delivery"] = "exact",
    force: bool = False,
) -> int:
    """Check what a master guarantees; exit code 0 if it holds, 1 if not.

    With two arguments, SOURCE LAYERS: whether the source is still the very file that the layers were made for.

    Parameters
    ----------
    source
        The clip that was edited.
    result
        The clip that came out.
    layers
        Folder that `vera edit --layers` wrote.
    master
        exact: no sample changed where alpha is 0. smart: all packets are the source's, but those that the edit must
        change. delivery: promises nothing, is measured.
    force
        Take a source that is not the one that the layers were made for.
    """
    from vera.layers import load_layers
    from vera.layers import verify as count
    from vera.layers.verify import verify_layers

    if layers is None:
        edit = load_layers(result)
        verify_layers(source, edit, force)
        print(f"layers   {len(edit.pts)} frames that fit {source}, which is as it was")
        return 0
    with progress_bar() as progress:
        report = count(source, result, load_layers(layers), master, force, progress)
    print(f"samples    {report.samples:>15,}  in {report.frames} frames")
    print(f"preserved  {report.preserved:>15,}  where alpha is 0")
    print(f"changed    {report.changed:>15,}  of the preserved")
    if report.changed:
        print(f"           by {report.max_difference} code values at most, {report.psnr:.1f} dB")
    if report.packets:
        print(f"packets    {report.packets:>15,}  of which {report.kept:,} are the source's own")
    if report.broken is not None:
        print(f"broken     {report.broken}")
    return 0 if report.broken is None else 1
