"""`vera composite` and `vera verify`: work on a saved layer folder, without the model."""

from pathlib import Path

from vera.cli.progress import progress_bar


def composite(source: Path, layers: Path, /, *, out: Path, codec: str | None = None) -> None:
    """Lay a saved layer folder over its source again, without the model.

    Parameters
    ----------
    source
        The clip that the layers were made for.
    layers
        Folder that `vera edit --layers` wrote.
    out
        File to write; its suffix names the container.
    codec
        How to encode, such as ffv1, h264-lossless or h264. Default: lossless, by the suffix.
    """
    from vera.layers import composite_clip, load_layers

    with progress_bar() as report:
        composite_clip(source, load_layers(layers), out, codec, report)
    print(f"result   {out}")


def verify(source: Path, result: Path, layers: Path, /) -> int:
    """Count the samples that changed where alpha is 0; exit code 0 if none did, 1 otherwise.

    Parameters
    ----------
    source
        The clip that was edited.
    result
        The clip that came out.
    layers
        Folder that `vera edit --layers` wrote.
    """
    from vera.layers import load_layers
    from vera.layers import verify as count

    report = count(source, result, load_layers(layers))
    print(f"samples    {report.samples:>15,}  in {report.frames} frames")
    print(f"preserved  {report.preserved:>15,}  where alpha is 0")
    print(f"changed    {report.changed:>15,}  of the preserved")
    if report.changed:
        print(f"           by {report.max_difference} code values at most, {report.psnr:.1f} dB")
    return 1 if report.changed else 0
