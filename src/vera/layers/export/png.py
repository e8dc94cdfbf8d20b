"""PNG: 16-bit RGB with straight alpha, as the format has it."""

from pathlib import Path

from vera.layers.export.shot import LayerFrames, Shot
from vera.layers.export.stills import write_stills

STEPS = """\
Import the first file of each folder as an image sequence, and set its frame rate to the one given above.
After Effects: File > Import, tick "PNG Sequence"; Interpret Footage: Alpha "Straight - Unmatted".
Premiere Pro: tick "Image Sequence" on import. Resolve: the Media page shows the folder as one clip.
Blender: Video Sequencer > Add > Image/Sequence, select all files; Alpha "Straight".
The pictures carry no colour tags: give them the plate's colour space where the program manages colour."""

# The fastest level takes a sixth of the default's time and a quarter more bytes.
_OPTIONS = {"pred": "paeth", "compression_level": "1"}


def write(shot: Shot, frames: LayerFrames, folder: Path) -> dict[str, str]:
    """Write the layer and the matte as numbered files; returns their names."""
    return write_stills(shot, frames, folder, ".png", "png", "be", _OPTIONS)
