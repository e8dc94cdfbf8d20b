"""TIFF: 16-bit RGB with unassociated (straight) alpha, LZW."""

from pathlib import Path

from vera.layers.export.shot import LayerFrames, Shot
from vera.layers.export.stills import write_stills

STEPS = """\
Import the first file of each folder as an image sequence, and set its frame rate to the one given above.
After Effects: File > Import, tick "TIFF Sequence"; Interpret Footage: Alpha "Straight - Unmatted".
Nuke: Read; the alpha is straight, so put a Premult behind it before a Merge.
Photoshop: File > Open one file; the alpha arrives as transparency or as a channel, by its version.
The pictures carry no colour tags: give them the plate's colour space where the program manages colour."""


def write(shot: Shot, frames: LayerFrames, folder: Path) -> dict[str, str]:
    """Write the layer and the matte as numbered files; returns their names."""
    return write_stills(shot, frames, folder, ".tif", "tiff", "le", {"compression_algo": "lzw"})
