"""Held-out samples of a run: the loss at fixed times, and how near sampled layers come to the true ones."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vera.data.sample import LatentSample, LayeredSample
from vera.hardware import Autocast
from vera.pipelines.pipeline_vera import VeraPipeline
from vera.pipelines.sampling.output import blend_layers
from vera.training.batches import Batch, LatentBatch, collate, collate_latents
from vera.training.encoders import FrozenEncoders
from vera.training.latents import LAYERS, Latents
from vera.training.methods.publish import bare_pipeline
from vera.training.recipe import Sampling
from vera.training.sheet import write_sample_sheet

HELD_OUT_TIMES = (0.2, 0.4, 0.6, 0.8)


@dataclass(frozen=True)
class HeldOut:
    """What a run is watched by: `samples`, how they are encoded, and how layers are sampled for them."""

    samples: Sequence[LayeredSample | LatentSample]
    encoders: FrozenEncoders
    sampling: Sampling
    shift: float
    autocast: Autocast

    @torch.no_grad()
    def evaluate(self, model: Any, sheet: Path | None) -> dict[str, float]:
        """Measure the loss at fixed times and noise, and how near the sampled layers come to the true ones.

        The sheet has two rows a sample, sampled and true: source, edit, alpha, composite, result. A model without
        alpha makes the whole frame: its edit is the composite.
        """
        branches = list(model.config.branches)
        pipeline = bare_pipeline(model, self.encoders.vae, self.shift)
        pipeline.set_progress_bar_config(disable=True)
        figures: dict[str, list[float]] = defaultdict(list)
        rows = []
        for index, sample in enumerate(self.samples):
            batch = _alone(sample).to(self.encoders.device)
            latents = self.encoders.encode(batch, branches)
            for name, value in self._held_out_errors(model, latents, index).items():
                figures[f"held_out/{name}"].append(value)

            sampled = pictures(branches, self._sample(pipeline, latents, index), pipeline)
            true = _true_pictures(sample, batch, pipeline)
            figures["held_out/alpha_error"].append((sampled["alpha"] - true["alpha"]).abs().mean().item())
            result = blend_layers(sampled["edit"], sampled["alpha"], true["source"])
            figures["held_out/result_error"].append((result - true["composite"]).abs().mean().item())
            rows.append((sample.instruction, [true["source"], *(sampled[name] for name in LAYERS), result]))
            rows.append(("true layers", [true[name] for name in ("source", *LAYERS, "composite")]))
        if sheet is not None and rows:
            write_sample_sheet(sheet, rows)
        return {name: sum(values) / len(values) for name, values in figures.items()}

    def _held_out_errors(self, model: Any, latents: Latents, index: int) -> dict[str, float]:
        count = len(HELD_OUT_TIMES)
        generator = torch.Generator(self.encoders.device).manual_seed(index)
        noise = torch.randn(count, *latents.layers.shape[1:], generator=generator, device=self.encoders.device)
        times = torch.tensor(HELD_OUT_TIMES, device=self.encoders.device)
        with self.autocast():
            errors = latents.repeat(count).errors(model, noise, times).mean(0)
        return {"loss": errors.mean().item(), **dict(zip(model.config.branches, errors.tolist(), strict=True))}

    def _sample(self, pipeline: VeraPipeline, latents: Latents, seed: int) -> Tensor:
        """Layers [1,K,C,T,H,W] of one sample, all frames in one window; its noise does not depend on the device."""
        sampling = self.sampling
        length = 1 + (latents.source.shape[2] - 1) * pipeline.temporal_stride
        with self.autocast():
            output = pipeline(
                prompt_embeds=latents.text,
                negative_prompt_embeds=self.encoders.text([""]) if sampling.guidance > 1 else None,
                source_latents=latents.source,
                mask_latents=latents.mask,
                num_inference_steps=sampling.steps,
                guidance_scale=sampling.guidance,
                generator=torch.Generator().manual_seed(seed),
                window_frames=length,
                window_overlap=0,
                output_type="latent",
            )
        frames: Tensor = output.frames
        return frames


def pictures(branches: Sequence[str], layers: Tensor, pipeline: VeraPipeline) -> dict[str, Tensor]:
    """Decoded layers [1,K,C,T,H,W]: [T,H,W,3], alpha [T,H,W], on the CPU; a composite there is none of is black."""
    frames = 1 + (layers.shape[3] - 1) * pipeline.temporal_stride
    decoded = {branch: pipeline.decode_latents(layers[:, index], frames).cpu() for index, branch in enumerate(branches)}
    if "alpha" not in decoded:
        decoded |= {"edit": decoded["composite"], "alpha": torch.ones_like(decoded["composite"])}
    decoded["alpha"] = decoded["alpha"].mean(dim=-1)
    return {"composite": torch.zeros_like(decoded["edit"])} | decoded


def _true_pictures(
    sample: LayeredSample | LatentSample, batch: Batch | LatentBatch, pipeline: VeraPipeline
) -> dict[str, Tensor]:
    if isinstance(sample, LayeredSample):
        return {name: torch.from_numpy(getattr(sample, name)).float() / 255 for name in (*LAYERS, "source")}
    assert isinstance(batch, LatentBatch)
    source = pictures(("composite",), batch.source[:, None].float(), pipeline)["composite"]
    return pictures(LAYERS, batch.layers.float(), pipeline) | {"source": source}


def _alone(sample: LayeredSample | LatentSample) -> Batch | LatentBatch:
    return collate([sample]) if isinstance(sample, LayeredSample) else collate_latents([sample])
