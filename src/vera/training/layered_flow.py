"""Training of the layered denoiser: flow matching over the latents of edit, alpha and composite."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKLWan, FlowMatchEulerDiscreteScheduler
from torch import Tensor, nn

from vera.data.sample import LayeredSample
from vera.errors import VeraError
from vera.models import VeraTransformer3DModel
from vera.models.autoencoder_patch import AutoencoderPatch3D
from vera.pipelines.pipeline_vera import VeraPipeline
from vera.training import objective
from vera.training.batches import Batch, LayerSource, collate, network_view
from vera.training.export import cast_copy
from vera.training.hardware import Autocast
from vera.training.methods import build_model
from vera.training.recipe import FlowObjective, Recipe
from vera.training.sheet import write_sheet
from vera.training.text import MINILM_PACKAGE, TextStates, load_text_encoder

LAYERS = ("edit", "alpha", "composite")
HELD_OUT_TIMES = (0.2, 0.4, 0.6, 0.8)


class LayeredFlow:
    """`layered_flow`: predict the velocity of all layers from noisy latents, the source, the mask and the text."""

    def __init__(
        self, recipe: Recipe, held_out: Sequence[LayeredSample], device: torch.device, autocast: Autocast
    ) -> None:
        assert isinstance(recipe.objective, FlowObjective)
        self.recipe = recipe
        self.objective = recipe.objective
        self.held_out = held_out
        self.device = device
        self.autocast = autocast
        self.vae = load_autoencoder(self.objective.autoencoder).to(device)
        self.tokenizer, self.text_encoder = load_text_encoder(self.objective.text_encoder)
        self.text_encoder.to(device)
        self.text = TextStates(self.tokenizer, self.text_encoder, self.objective.max_sequence_length)
        self.mean, self.std = (
            torch.tensor(values, device=device)[:, None, None, None]
            for values in (self.vae.config.latents_mean, self.vae.config.latents_std)
        )

    def model_class(self) -> Any:
        return VeraTransformer3DModel

    def make_model(self, source: LayerSource) -> nn.Module:
        """The recipe's model; channels and text width are the frozen networks' unless named."""
        channels = self.vae.config.z_dim
        config = {
            "in_channels": channels,
            "out_channels": channels,
            "text_dim": self.text_encoder.config.hidden_size,
        } | self.recipe.model
        model: nn.Module = build_model(VeraTransformer3DModel, config, self.recipe.init)
        return model

    def freeze(self, model: nn.Module) -> None:
        """Everything is trained."""

    def loss(self, model: nn.Module, batch: Batch, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        goal = self.objective
        count = len(batch)
        times = objective.sample_times(count, goal.timesteps, goal.mean, goal.std, goal.shift, generator)
        no_mask = objective.drop(count, goal.mask_drop, generator)
        no_text = objective.drop(count, goal.instruction_drop, generator).tolist()
        clean, source, mask = self.encode(batch, no_mask)
        noise = torch.randn(clean.shape, generator=generator, device=clean.device)
        texts = ["" if dropped else text for dropped, text in zip(no_text, batch.instructions, strict=True)]

        errors = self._errors(model, clean, noise, times, self.text(texts), source, mask)
        branches = list(LAYERS[: errors.shape[1]])
        total = objective.weighted_loss(errors, branches, goal.weights)
        per_branch = dict(zip(branches, errors.unbind(1), strict=True))
        return total, {"loss": total, **per_branch, **objective.quartiles(errors.mean(1), times)}

    def _errors(
        self, model: nn.Module, clean: Tensor, noise: Tensor, times: Tensor, text: Tensor, source: Tensor, mask: Tensor
    ) -> Tensor:
        """Errors [B,K] of the predicted velocity."""
        noisy = objective.add_noise(clean, noise, times)
        prediction = model(noisy, times * 1000, text, source, mask).sample
        return objective.branch_errors(prediction, objective.velocity(clean, noise))

    @torch.no_grad()
    def encode(self, batch: Batch, no_mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Normalised latents: layers [B,3,C,T,H,W], source and mask [B,C,T,H,W]; zeros where there is no mask.

        In float32 even under autocast: what the network is to learn should not be rounded.
        """
        videos = torch.cat([network_view(getattr(batch, name)) for name in (*LAYERS, "source", "mask")])
        with torch.autocast(self.device.type, enabled=False):
            latents = (self.vae.encode(videos).latent_dist.mode() - self.mean) / self.std
        *layers, source, mask = latents.chunk(len(LAYERS) + 2)
        keep = (batch.has_mask & ~no_mask).reshape(-1, 1, 1, 1, 1)
        return torch.stack(layers, dim=1), source, torch.where(keep, mask, 0.0)

    @torch.no_grad()
    def evaluate(self, model: nn.Module, sheet: Path) -> dict[str, float]:
        """Held-out loss at fixed times and noise, and how near the sampled layers come to the true ones.

        The sheet has two rows a sample, sampled and true: source, edit, alpha, composite, result.
        """
        pipeline = self._pipeline(model)
        figures: dict[str, list[float]] = defaultdict(list)
        rows = []
        for index, sample in enumerate(self.held_out):
            for name, value in self._held_out_errors(model, sample, index).items():
                figures[f"held_out/{name}"].append(value)

            truth = {name: torch.from_numpy(getattr(sample, name)).float() / 255 for name in (*LAYERS, "source")}
            with self.autocast():
                edit, alpha, composite = pipeline(
                    sample.source,
                    sample.instruction,
                    mask=sample.mask,
                    num_inference_steps=self.recipe.sampling.steps,
                    guidance_scale=self.recipe.sampling.guidance,
                    generator=torch.Generator().manual_seed(index),
                    window_frames=len(sample.source),
                    window_overlap=0,
                    output_composite=True,
                    output_type="pt",
                    return_dict=False,
                )
            edit, alpha, composite = edit.cpu(), alpha.cpu(), composite.cpu()
            result = alpha[..., None] * edit + (1 - alpha[..., None]) * truth["source"]
            figures["held_out/alpha_error"].append((alpha - truth["alpha"]).abs().mean().item())
            figures["held_out/result_error"].append((result - truth["composite"]).abs().mean().item())
            rows.append((sample.instruction, [truth["source"], edit, alpha, composite, result]))
            rows.append(("true layers", [truth[name] for name in ("source", *LAYERS, "composite")]))
        write_sheet(sheet, rows)
        return {name: sum(values) / len(values) for name, values in figures.items()}

    def _held_out_errors(self, model: nn.Module, sample: LayeredSample, index: int) -> dict[str, float]:
        batch = collate([sample] * len(HELD_OUT_TIMES)).to(self.device)
        generator = torch.Generator(self.device).manual_seed(index)
        times = torch.tensor(HELD_OUT_TIMES, device=self.device)
        clean, source, mask = self.encode(batch, torch.zeros_like(batch.has_mask))
        noise = torch.randn(clean.shape, generator=generator, device=clean.device)
        with self.autocast():
            errors = self._errors(model, clean, noise, times, self.text(batch.instructions), source, mask).mean(0)
        return {"loss": errors.mean().item(), **dict(zip(LAYERS, errors.tolist(), strict=True))}

    def _pipeline(self, model: nn.Module) -> VeraPipeline:
        pipeline = VeraPipeline(
            tokenizer=self.tokenizer,
            text_encoder=self.text_encoder,
            transformer=model,  # type: ignore[arg-type]  # a VeraTransformer3DModel
            vae=self.vae,
            scheduler=FlowMatchEulerDiscreteScheduler(shift=self.objective.shift),
            max_sequence_length=self.objective.max_sequence_length,
        )
        pipeline.set_progress_bar_config(disable=True)
        return pipeline

    def save(self, model: Any, folder: Path) -> None:
        """A pipeline for `vera edit --model`; the text encoder is named, not copied, if it is an installed package."""
        packaged = self.objective.text_encoder == "minilm"
        dtype = self.recipe.export_dtype
        VeraPipeline(
            tokenizer=None if packaged else self.tokenizer,
            text_encoder=None if packaged else self.text_encoder,
            transformer=cast_copy(model, dtype),
            vae=cast_copy(self.vae, dtype),
            scheduler=FlowMatchEulerDiscreteScheduler(shift=self.objective.shift),
            max_sequence_length=self.objective.max_sequence_length,
            num_inference_steps=self.recipe.sampling.steps,
            guidance_scale=self.recipe.sampling.guidance,
            window_frames=self.recipe.sampling.window_frames,
            window_overlap=self.recipe.sampling.window_overlap,
            model_pixels=self.recipe.sampling.pixels,
            text_encoder_package=MINILM_PACKAGE if packaged else None,
        ).save_pretrained(folder)


def load_autoencoder(folder: str) -> Any:
    """The frozen float32 autoencoder in `folder`; VeraError if there is none."""
    classes = {"AutoencoderPatch3D": AutoencoderPatch3D, "AutoencoderKLWan": AutoencoderKLWan}
    try:
        config = AutoencoderPatch3D.load_config(folder, local_files_only=True)
        vae = classes[config["_class_name"]].from_pretrained(folder, torch_dtype=torch.float32, local_files_only=True)
    except (OSError, KeyError, ValueError):
        raise VeraError(
            f"objective: no autoencoder ({' or '.join(classes)}) in {folder}; train one first or correct the path"
        ) from None
    return vae.requires_grad_(False).eval()
