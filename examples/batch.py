"""Edit many clips with one model that stays loaded.

    python examples/batch.py "INSTRUCTION" FOLDER CLIP [CLIP ...]

`vera.edit` loads a model at each call unless it is given one. What it needs besides, frames and latents, is freed with
each clip.
"""

import sys
from pathlib import Path

from vera import edit
from vera.pipelines import load_pipeline


def edit_all(instruction: str, folder: str, clips: list[str], model: str = "nano") -> None:
    """Write for each clip `FOLDER/NAME` and `FOLDER/STEM.layers`, with the seed 0."""
    pipeline = load_pipeline(model)
    for clip in map(Path, clips):
        layers = Path(folder) / f"{clip.stem}.layers"
        report = edit(clip, instruction, out=Path(folder) / clip.name, layers=layers, pipeline=pipeline)
        print(f"{report.out}  {report.frames} frames in {sum(report.seconds.values()):.1f} s")


if __name__ == "__main__":
    edit_all(sys.argv[1], sys.argv[2], sys.argv[3:])
