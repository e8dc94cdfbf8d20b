"""Edit many short clips with one model that stays loaded.

    python examples/batch.py "INSTRUCTION" FOLDER CLIP [CLIP ...]

`vera.edit` loads the model at each call and reads long clips in pieces. Here clips are short, 16:9 and not HDR, and the
model stays: its pipeline takes a clip as an array and gives arrays, which Vera lays over the file's own planes.
"""

import sys
from pathlib import Path

import numpy as np
import torch

from vera.layers import LayeredEdit, composite_clip, refine_layers, save_layers
from vera.pipelines import load_pipeline
from vera.video import model_view, open_clip


def edit_all(instruction: str, folder: str, clips: list[str], model: str = "nano") -> None:
    """Write for each clip `FOLDER/NAME` and `FOLDER/STEM.layers`, with the seed 0."""
    pipeline = load_pipeline(model)
    for clip in map(Path, clips):
        info = open_clip(clip)
        with info.frames() as reader:
            frames = np.stack([model_view(frame, 256, 144, info.orientation) for frame in reader])  # [T,H,W,3] uint8
        output = pipeline(frames, instruction, generator=torch.Generator().manual_seed(0))
        edit, alpha = refine_layers(output.edit, output.alpha)  # uint8 and uint16; faint alpha is exactly 0
        layers = LayeredEdit(edit, alpha, tuple(info.pts), info.time_base, {"instruction": instruction})
        save_layers(layers, Path(folder) / f"{clip.stem}.layers")
        composite_clip(clip, layers, Path(folder) / clip.name)


if __name__ == "__main__":
    edit_all(sys.argv[1], sys.argv[2], sys.argv[3:])
