"""Export layers, softened and at 90 %, as a Nuke script with OpenEXR sequences.

    python examples/nuke.py LAYERS CLIP OUT

Needs the extra `export` (OpenEXR). Other targets, such as aftereffects or otio, have other names only (docs/export.md).
"""

import sys
from pathlib import Path

from vera.layers import Adjustment
from vera.layers.export import export_layers


def export(layers: str, clip: str, out: str) -> Path:
    """Write `OUT/nuke`: the script, the sequences, and README.txt, which says what to click."""
    (folder,) = export_layers(
        layers, "nuke", source=clip, out=out, start_frame=1001, adjustment=Adjustment(opacity=0.9, feather=1.5)
    )
    print((folder / "README.txt").read_text(encoding="utf-8"))
    return folder


if __name__ == "__main__":
    export(*sys.argv[1:])
