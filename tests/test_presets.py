"""What ships in the package."""

import numpy as np
import torch

from vera.pipelines import VeraPipeline, load_pipeline
from vera.presets import LORAS, TRAINED, preset_folder

CLIP = np.tile(np.linspace(60, 200, 256, dtype=np.uint8)[None, None, :, None], (1, 144, 1, 3))


def test_what_is_trained_stays_small() -> None:
    files = [file for name in (*TRAINED, *LORAS) for file in preset_folder(name).rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) <= 64e6


def layers(steps: int, guidance: float, lora: str | None) -> torch.Tensor:
    pipeline: VeraPipeline = load_pipeline("nano", "cpu", "float32", lora=[lora] if lora else [])
    pipeline.set_progress_bar_config(disable=True)
    made = pipeline(
        CLIP,
        "Add a large red balloon on the right",
        num_inference_steps=steps,
        guidance_scale=guidance,
        generator=torch.Generator().manual_seed(0),
        output_type="latent",
    )
    return torch.stack([made.edit, made.alpha])


def test_eight_steps_of_the_lora_are_near_guided_ones() -> None:
    guided, plain, learnt = layers(16, 2, None), layers(8, 1, None), layers(8, 1, "nano-8-steps")
    assert (learnt - guided).square().mean() < 0.5 * (plain - guided).square().mean()
