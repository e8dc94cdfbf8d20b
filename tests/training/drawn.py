"""Layers drawn in a moment, to train on in tests. Run as a module with a recipe, this trains by it."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from vera.data.sample import LayeredSample
from vera.training.batches import Batch, collate
from vera.training.run.loop import train

WORDS = ("red", "balloon", "a")


class DrawnLayers:
    """A coloured square on noise; clips of 1 or 5 frames of 32x32."""

    def __init__(self, side: int = 32, held_out: bool = False) -> None:
        self.side = side
        self.held_out = held_out

    def draw(self, step: int, batch_size: int, attempt: int = 0) -> list[tuple[int, ...]]:
        frames = int(np.random.default_rng((self.held_out, step)).choice([1, 5]))
        return [(step, index, attempt, frames) for index in range(batch_size)]

    def load(self, key: tuple[int, ...]) -> LayeredSample:
        rng = np.random.default_rng((self.held_out, *key))
        frames = key[-1]
        shape = (frames, self.side, self.side)
        source = np.repeat(rng.integers(0, 256, (1, *shape[1:], 3), np.uint8), frames, axis=0)
        alpha = np.zeros(shape, np.uint8)
        top, left = rng.integers(0, self.side // 2, 2)
        alpha[:, top : top + 8, left : left + 8] = 255
        edit = np.full((*shape, 3), rng.integers(0, 256, 3), np.uint8)
        composite = np.where(alpha[..., None] > 0, edit, source)
        mask = 255 - alpha if rng.random() < 0.5 else None
        instruction = "add " + " ".join(rng.choice(WORDS, 2))
        return LayeredSample(source, edit, alpha, composite, mask, instruction, "obj_add")


def open_drawn(data: Mapping[str, Any], held_out: bool) -> DrawnLayers:
    return DrawnLayers(**data, held_out=held_out)


def drawn_batch(step: int, batch_size: int) -> Batch:
    source = DrawnLayers()
    return collate([source.load(key) for key in source.draw(step, batch_size)])


def write_recipe(folder: Path, **fields: Any) -> Path:
    """A tiny recipe of the autoencoder whose output is `folder`/run, with `fields` changed."""
    recipe: dict[str, Any] = {
        "method": "autoencoder",
        "output": str(folder / "run"),
        "steps": 4,
        "batch_size": 2,
        "warmup": 2,
        "threads": 1,
        "device": "cpu",
        "log_every": 1,
        "checkpoint_every": 2,
        "sample_every": 100,
        "sampling": {"count": 1, "steps": 1},
        "model": {"z_dim": 8, "width": 8, "num_blocks": 1},
        "data": {},
        "objective": {"pca_clips": 8},
    }
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe | fields), encoding="utf-8")
    return path


def flow_fields(model_folder: Path) -> dict[str, Any]:
    """Fields that make `write_recipe` train a tiny denoiser on the frozen parts of the tiny model."""
    return {
        "method": "layered_flow",
        "model": {
            "patch_size": [1, 1, 1],
            "num_attention_heads": 2,
            "attention_head_dim": 12,
            "freq_dim": 16,
            "ffn_dim": 32,
            "num_layers": 1,
        },
        "objective": {
            "autoencoder": str(model_folder / "vae"),
            "text_encoder": str(model_folder),
            "max_sequence_length": 8,
        },
    }


if __name__ == "__main__":
    train(Path(sys.argv[1]), open_data=open_drawn)
