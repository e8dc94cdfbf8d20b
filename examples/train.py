"""Train a model of your own, small enough for a laptop: clips, an autoencoder, a denoiser, an edit with it.

    python examples/train.py FOLDER [STEPS]

The clips are drawn here, coloured squares on noise, and written in the layout of the published data set: put yours in
their place. After the default of 400 steps the model is a toy that runs; recipes/ holds those of real ones.
"""

import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import yaml

import vera
from vera.data import LayeredSample
from vera.data.released.writer import append_row, write_clips
from vera.training import train
from vera.video import write_lossless

COLORS = {"red": (220, 30, 30), "green": (30, 200, 60), "blue": (40, 60, 220)}
SPLIT = "squares-obj-add"  # the end of the name is the task
FRAMES, SIDE = 5, 32


def draw_sample(number: int) -> LayeredSample:
    """A square that moves to the right on a still picture of noise: uint8, time first."""
    random = np.random.default_rng(number)
    color = list(COLORS)[number % len(COLORS)]
    source = np.repeat(random.integers(0, 256, (1, SIDE, SIDE, 3), np.uint8), FRAMES, axis=0)
    edit = np.full_like(source, COLORS[color])
    alpha = np.zeros(source.shape[:3], np.uint8)
    top, left = random.integers(0, SIDE // 2, 2)
    for time, frame in enumerate(alpha):
        frame[top : top + 12, left + time : left + time + 12] = 255
    composite = np.where(alpha[..., None] > 0, edit, source)
    return LayeredSample(source, edit, alpha, composite, None, f"add a {color} square", "obj_add")


def run(folder: str, steps: int = 400, count: int = 60, text_encoder: str = "minilm") -> Path:
    """Write clips, train on them and edit one that was not among them; returns the folder of the model."""
    home = Path(folder)
    for number in range(count):
        clips = write_clips(draw_sample(number), home / "clips", SPLIT, f"{number:04d}")
        append_row(clips, home / "clips", SPLIT, FRAMES)

    size = f"{SIDE}x{SIDE}"
    data = {"kind": "released", "path": str(home / "clips"), "clip_frames": FRAMES, "frames": FRAMES, "size": size}
    common = {"steps": steps, "data": data | {"held_out_share": 0.2}, "sample_every": steps, "checkpoint_every": steps}
    autoencoder = common | {
        "method": "autoencoder",
        "output": str(home / "autoencoder"),
        "model": {"z_dim": 8, "width": 32, "num_blocks": 1},
        "objective": {"pca_clips": 8},
    }
    denoiser = common | {
        "method": "layered_flow",
        "output": str(home / "model"),
        "model": {
            "patch_size": [1, 1, 1],
            "num_attention_heads": 2,
            "attention_head_dim": 24,
            "freq_dim": 32,
            "ffn_dim": 96,
            "num_layers": 2,
        },
        "objective": {
            "autoencoder": str(home / "autoencoder" / "ema"),
            "text_encoder": text_encoder,
            "max_sequence_length": 8,
        },
        "sampling": {"count": 2, "steps": 4, "pixels": SIDE * SIDE},
    }
    for name, recipe in (("autoencoder", autoencoder), ("model", denoiser)):
        train(write_recipe(home / f"{name}.yaml", recipe))  # what `vera train NAME.yaml` does

    model = home / "model" / "ema"
    write_lossless(home / "new.mp4", draw_sample(count).source, Fraction(25))
    vera.edit(home / "new.mp4", "add a red square", out=home / "edited.mp4", model=model)
    return model


def write_recipe(path: Path, recipe: dict[str, Any]) -> Path:
    path.write_text(yaml.safe_dump(recipe), encoding="utf-8")
    return path


if __name__ == "__main__":
    run(sys.argv[1], *map(int, sys.argv[2:]))
