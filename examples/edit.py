"""Edit one clip, keep its layers, and check that nothing else changed.

python examples/edit.py CLIP "INSTRUCTION" OUT [MODEL]
"""

import sys
from pathlib import Path

import vera
from vera.layers import contact_sheet, load_layers, verify


def edit(clip: str, instruction: str, out: str, model: str = "nano") -> None:
    """Write `out`, and beside it the layers as a folder and a contact sheet as a PNG."""
    folder = Path(out).with_suffix(".layers")
    report = vera.edit(clip, instruction, out=out, layers=folder, model=model, seed=0)
    print(f"{report.frames} frames at {report.size}, seconds: {report.seconds}")

    layers = load_layers(folder)
    checked = verify(clip, out, layers)
    print(f"{checked.changed} of {checked.preserved} samples changed where alpha is 0")
    contact_sheet(clip, layers, out, folder.with_suffix(".png"))


if __name__ == "__main__":
    edit(*sys.argv[1:])
