"""Trained layers as a pipeline: one to sample with during a run, and one on disk for `vera edit --model`."""

from pathlib import Path
from typing import Any

from diffusers import FlowMatchEulerDiscreteScheduler

from vera.pipelines.folders.card import model_card
from vera.pipelines.pipeline_vera import VeraPipeline
from vera.training.encoders import FrozenEncoders
from vera.training.export import cast_copy
from vera.training.recipe import FlowObjective, Recipe, recipe_text


def bare_pipeline(transformer: Any, vae: Any, shift: float, **config: Any) -> VeraPipeline:
    """Make a pipeline without a text encoder; `config` is that of `VeraPipeline`."""
    return VeraPipeline(
        tokenizer=None,
        text_encoder=None,
        transformer=transformer,
        vae=vae,
        scheduler=FlowMatchEulerDiscreteScheduler(shift=shift),
        **config,
    )


def save_pipeline(transformer: Any, recipe: Recipe, encoders: FrozenEncoders, folder: Path) -> None:
    """Write a pipeline in diffusers' layout; a text encoder that is an installed package is only named."""
    objective = recipe.objective
    assert isinstance(objective, FlowObjective)
    sampling = recipe.sampling
    pipeline = bare_pipeline(
        transformer,
        cast_copy(encoders.vae, recipe.export_dtype),
        recipe.sampling_shift,
        max_sequence_length=objective.max_sequence_length,
        num_inference_steps=sampling.steps,
        guidance_scale=sampling.guidance,
        window_frames=sampling.window_frames,
        window_overlap=sampling.window_overlap,
        model_pixels=sampling.pixels,
        text_encoder_package=encoders.text.package,
    )
    pipeline.save_pretrained(folder)
    card = model_card(
        Path(recipe.output).name,
        pipeline.config,
        transformer,
        pipeline.scheduler.config,
        recipe=recipe_text(recipe),
    )
    (folder / "README.md").write_text(str(card), encoding="utf-8")
    encoders.text.link_into(folder)
