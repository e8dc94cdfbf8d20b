"""Turn the edit of another program into layers over your own footage.

    python examples/layerize.py SOURCE EDITED OUT

EDITED is a whole new clip, as most editors give it back: encoded anew, perhaps smaller, of slightly other colours. OUT
has the edit of that clip and everything else of SOURCE.
"""

import sys
from pathlib import Path

from vera.layers import composite_clip, load_layers, verify
from vera.layers.layerize import layerize


def relayer(source: str, edited: str, out: str) -> float:
    """Write `out` and its layers; returns the share of the frame that the edit covers."""
    folder = Path(out).with_suffix(".layers")
    report = layerize(source, edited, folder)
    for notice in report.notices:
        print("note", notice)
    layers = load_layers(folder)
    composite_clip(source, layers, out)
    print(f"covered {report.coverage:.1%}; {verify(source, out, layers).changed} samples changed where alpha is 0")
    return report.coverage


if __name__ == "__main__":
    relayer(*sys.argv[1:])
