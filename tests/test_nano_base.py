"""The text-to-video model in recipes/nano-base: small, what layers start from, and it knows things by their names."""

from pathlib import Path

import numpy as np
import torch
from diffusers import FlowMatchEulerDiscreteScheduler

from vera.models.baselines import VARIANTS
from vera.pipelines import VeraPipeline, load_pipeline
from vera.pipelines.init import init_pipeline
from vera.training import load_recipe

RECIPES = Path(__file__).parents[1] / "recipes"
BASE = RECIPES / "nano-base" / "transformer"
WHITE = np.full((1, 112, 112, 3), 255, np.uint8)


def test_it_stays_small() -> None:
    assert sum(file.stat().st_size for file in BASE.parent.rglob("*") if file.is_file()) <= 16e6


@torch.no_grad()
def test_every_branch_of_layers_that_start_from_it_predicts_what_it_does(tmp_path: Path) -> None:
    config = load_recipe(RECIPES / "nano.yaml").model | {"text_branches": ["edit", "alpha", "composite"]}
    init_pipeline(BASE, tmp_path / "start", model_config=config)
    layers = VARIANTS["mot"].model.from_pretrained(tmp_path / "start" / "transformer").double()
    base = VARIANTS["t2v"].model.from_pretrained(BASE).double()
    generator = torch.Generator().manual_seed(0)
    noisy = torch.randn(1, 1, 32, 1, 6, 8, generator=generator).double()
    text, source = (torch.randn(*shape, generator=generator).double() for shape in ((1, 5, 384), (1, 32, 1, 6, 8)))
    wanted = base(noisy, torch.tensor([500.0]), text).sample
    found = layers(noisy.expand(-1, 3, -1, -1, -1, -1), torch.tensor([500.0]), text, source).sample
    torch.testing.assert_close(found, wanted.expand_as(found), atol=1e-9, rtol=0)


def test_it_knows_the_colours_of_things() -> None:
    nano = load_pipeline("nano", "cpu", "float32")
    pipeline = VeraPipeline(
        transformer=VARIANTS["t2v"].model.from_pretrained(BASE).float(),
        vae=nano.vae,
        scheduler=FlowMatchEulerDiscreteScheduler(shift=6.0),
        tokenizer=nano.tokenizer,
        text_encoder=nano.text_encoder,
    )
    pipeline.set_progress_bar_config(disable=True)

    def color(name: str) -> np.ndarray:
        made = pipeline(
            WHITE,
            f"Add a large {name} in the middle",
            num_inference_steps=12,
            guidance_scale=2.0,
            max_sequence_length=32,
            generator=torch.Generator().manual_seed(0),
        )
        middle: np.ndarray = np.asarray(made.frames)[..., 36:76, 36:76, :].reshape(-1, 3).mean(0)
        return middle

    assert [color(name).argmax() for name in ("strawberry", "tree", "whale")] == [0, 1, 2]
