"""Training of the layered denoiser: flow matching over the latents of edit, alpha and composite."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from diffusers import AutoencoderKLWan, FlowMatchEulerDiscreteScheduler
from torch import Tensor, nn

from vera.data.sample import LatentSample, LayeredSample, LayerSource
from vera.errors import VeraError
from vera.hardware import Autocast
from vera.models.autoencoder_patch import AutoencoderPatch3D
from vera.models.baselines import VARIANTS
from vera.pipelines.folders.card import model_card
from vera.pipelines.pipeline_vera import VeraPipeline
from vera.training.batches import Batch, LatentBatch, collate, collate_latents, network_view
from vera.training.export import cast_copy
from vera.training.lora import save_lora
from vera.training.methods import objective
from vera.training.methods.distillation import Predict, guided, load_teacher, mean_velocity, step_times
from vera.training.networks import model_of, new_model
from vera.training.recipe import FlowObjective, Recipe, recipe_text
from vera.training.sheet import write_sheet
from vera.training.text import DAMAGE, TextStates

LAYERS = ("edit", "alpha", "composite")
HELD_OUT_TIMES = (0.2, 0.4, 0.6, 0.8)


class LayeredFlow:
    """`layered_flow`: predict the velocity of all layers from noisy latents, the source, the mask and the text."""

    def __init__(
        self,
        recipe: Recipe,
        held_out: Sequence[LayeredSample | LatentSample],
        device: torch.device,
        autocast: Autocast,
    ) -> None:
        assert isinstance(recipe.objective, FlowObjective)
        self.recipe = recipe
        self.objective = recipe.objective
        self.held_out = held_out
        self.device = device
        self.autocast = autocast
        self.vae = load_autoencoder(self.objective.autoencoder).to(device)
        self.text = TextStates(self.objective.text_encoder, self.objective.max_sequence_length, device)
        self.empty: dict[torch.Size, Tensor] = {}  # latents of a matte that is 0 everywhere, by their shape
        self.teacher: Any = None
        if self.objective.distillation is not None:
            self.teacher = load_teacher(self.objective.distillation.teacher).to(device)
        self.mean, self.std = (
            torch.tensor(values, device=device)[:, None, None, None]
            for values in (self.vae.config.latents_mean, self.vae.config.latents_std)
        )

    def model_class(self) -> Any:
        return VARIANTS[self.recipe.variant].model

    def make_model(self, source: LayerSource) -> nn.Module:
        """The recipe's model; channels and text width are the frozen networks' unless named.

        VeraError if places are to be weighed by a matte that the variant has not.
        """
        channels = self.vae.config.z_dim
        config = VARIANTS[self.recipe.variant].config(
            {"in_channels": channels, "out_channels": channels, "text_dim": self.text.dim} | self.recipe.model
        )
        if self.recipe.init is None:
            model = new_model(self.model_class(), config)
        else:
            model = model_of(self.model_class(), config, self.recipe.init)
        if self.objective.outside_weight != 1 and "alpha" not in self._branches(model):
            raise VeraError(
                "objective: outside_weight asks where the matte is 0, and this model has none; leave it out"
            )
        return cast(nn.Module, model)

    def freeze(self, model: nn.Module) -> None:
        """Everything is trained."""

    def loss(
        self, model: nn.Module, batch: Batch | LatentBatch, seeds: Sequence[int]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        branches = self._branches(model)
        latents = self.latents(batch, branches)
        draws = objective.draw(seeds, latents.layers.shape[1:], self.objective, self.device)
        latents = latents.without(draws.no_mask, draws.no_text, self.text([""]))
        goal, weights = self.objective.distillation, self._place_weights(latents.layers, branches)
        if goal is None:
            times = draws.times
            errors = self._errors(model, latents, draws.noise, times, weights)
        else:
            spans = step_times(draws.places, goal, self.objective.shift)
            times = spans[0]
            noisy = objective.add_noise(latents.layers, draws.noise, times)
            target = mean_velocity(self._teach(latents, goal.guidance), noisy, spans)
            errors = objective.branch_errors(latents.predict(model, noisy, times), target, weights)
        total = objective.weighted_loss(errors, branches, self.objective.weights)
        per_branch = dict(zip(branches, errors.unbind(1), strict=True))
        return total, {"loss": total, **per_branch, **objective.quartiles(errors.mean(1), times)}

    def _teach(self, latents: "Latents", guidance: float) -> Predict:
        """The teacher's guided prediction for these samples."""
        blind = replace(latents, text=self.text([""]).expand_as(latents.text))
        seeing, not_seeing = (partial(held.predict, self.teacher) for held in (latents, blind))
        return guided(seeing, not_seeing, guidance)

    def _branches(self, model: Any) -> list[str]:
        return list(model.config.branches)

    def _errors(
        self, model: nn.Module, latents: "Latents", noise: Tensor, times: Tensor, weights: Tensor | None = None
    ) -> Tensor:
        """Errors [B,K] of the predicted velocity."""
        prediction = latents.predict(model, objective.add_noise(latents.layers, noise, times), times)
        return objective.branch_errors(prediction, objective.velocity(latents.layers, noise), weights)

    @torch.no_grad()
    def _place_weights(self, layers: Tensor, branches: Sequence[str]) -> Tensor | None:
        """What the places of `layers` count, if that is not the same for all."""
        if self.objective.outside_weight == 1:
            return None
        shape = layers.shape[3:]
        if shape not in self.empty:
            frames = 1 + (shape[0] - 1) * self.vae.config.scale_factor_temporal
            side = self.vae.config.scale_factor_spatial
            matte = torch.zeros(1, frames, shape[1] * side, shape[2] * side, dtype=torch.uint8, device=self.device)
            self.empty[shape] = self._encode(matte)
        return objective.place_weights(layers, self.empty[shape], branches, self.objective.outside_weight)

    @torch.no_grad()
    def latents(self, batch: Batch | LatentBatch, branches: Sequence[str]) -> "Latents":
        """What the network sees of a batch, in float32 even under autocast: its goal should not be rounded."""
        if isinstance(batch, LatentBatch):
            layers = batch.layers.float()  # first: autocast on CPUs cannot stack halves
            layers = torch.stack([layers[:, LAYERS.index(branch)] for branch in branches], dim=1)
            text = nn.functional.pad(batch.text, (0, 0, 0, self.objective.max_sequence_length - batch.text.shape[1]))
            return Latents(layers, batch.source.float(), batch.mask.float(), text.float())
        *kept, source, mask = (self._encode(getattr(batch, name)) for name in (*branches, "source", "mask"))
        mask = torch.where(batch.has_mask.reshape(-1, 1, 1, 1, 1), mask, 0.0)
        return Latents(torch.stack(kept, dim=1), source, mask, self.text(batch.instructions))

    def _encode(self, video: Tensor) -> Tensor:
        """Normalised latents of a batch's uint8 video. One kind at a time: encoding all would take the most memory."""
        with torch.autocast(self.device.type, enabled=False):
            latents: Tensor = (self.vae.encode(network_view(video)).latent_dist.mode() - self.mean) / self.std
        return latents

    @torch.no_grad()
    def evaluate(self, model: Any, sheet: Path | None) -> dict[str, float]:
        """Held-out loss at fixed times and noise, and how near the sampled layers come to the true ones.

        The sheet has two rows a sample, sampled and true: source, edit, alpha, composite, result. A model without
        alpha makes the whole frame: its edit is the composite.
        """
        branches = self._branches(model)
        pipeline = self._pipeline(model)
        figures: dict[str, list[float]] = defaultdict(list)
        rows = []
        for index, sample in enumerate(self.held_out):
            batch = _alone(sample).to(self.device)
            latents = self.latents(batch, branches)
            for name, value in self._held_out_errors(model, latents, index).items():
                figures[f"held_out/{name}"].append(value)

            sampled = self._pictures(branches, self._sample(pipeline, latents, index), pipeline)
            true = self._true_pictures(sample, batch, pipeline)
            figures["held_out/alpha_error"].append((sampled["alpha"] - true["alpha"]).abs().mean().item())
            result = _lay_over(sampled, true["source"])
            figures["held_out/result_error"].append((result - true["composite"]).abs().mean().item())
            rows.append((sample.instruction, [true["source"], *(sampled[name] for name in LAYERS), result]))
            rows.append(("true layers", [true[name] for name in ("source", *LAYERS, "composite")]))
        if sheet is not None and rows:
            write_sheet(sheet, rows)
        return {name: sum(values) / len(values) for name, values in figures.items()}

    def _held_out_errors(self, model: nn.Module, latents: "Latents", index: int) -> dict[str, float]:
        count = len(HELD_OUT_TIMES)
        generator = torch.Generator(self.device).manual_seed(index)
        noise = torch.randn(count, *latents.layers.shape[1:], generator=generator, device=self.device)
        times = torch.tensor(HELD_OUT_TIMES, device=self.device)
        with self.autocast():
            errors = self._errors(model, latents.repeat(count), noise, times).mean(0)
        return {"loss": errors.mean().item(), **dict(zip(self._branches(model), errors.tolist(), strict=True))}

    def _sample(self, pipeline: VeraPipeline, latents: "Latents", seed: int) -> Tensor:
        """Layers [1,K,C,T,H,W] of one sample, all frames in one window; its noise does not depend on the device."""
        sampling = self.recipe.sampling
        length = 1 + (latents.source.shape[2] - 1) * pipeline.temporal_stride
        with self.autocast():
            output = pipeline(
                prompt_embeds=latents.text,
                negative_prompt_embeds=self.text([""]) if sampling.guidance > 1 else None,
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

    def _pictures(self, branches: Sequence[str], layers: Tensor, pipeline: VeraPipeline) -> dict[str, Tensor]:
        """Decoded layers [1,K,C,T,H,W]: [T,H,W,3], alpha [T,H,W], on the CPU; a composite there is none of is black."""
        frames = 1 + (layers.shape[3] - 1) * pipeline.temporal_stride
        decoded = {
            branch: pipeline.decode_latents(layers[:, index], frames).cpu() for index, branch in enumerate(branches)
        }
        if "alpha" not in decoded:
            decoded |= {"edit": decoded["composite"], "alpha": torch.ones_like(decoded["composite"])}
        decoded["alpha"] = decoded["alpha"].mean(dim=-1)
        return {"composite": torch.zeros_like(decoded["edit"])} | decoded

    def _true_pictures(
        self, sample: LayeredSample | LatentSample, batch: Batch | LatentBatch, pipeline: VeraPipeline
    ) -> dict[str, Tensor]:
        if isinstance(sample, LayeredSample):
            return {name: torch.from_numpy(getattr(sample, name)).float() / 255 for name in (*LAYERS, "source")}
        assert isinstance(batch, LatentBatch)
        source = self._pictures(("composite",), batch.source[:, None].float(), pipeline)["composite"]
        return self._pictures(LAYERS, batch.layers.float(), pipeline) | {"source": source}

    def _pipeline(self, model: nn.Module) -> VeraPipeline:
        pipeline = VeraPipeline(
            tokenizer=None,
            text_encoder=None,
            transformer=model,  # one of the variants
            vae=self.vae,
            scheduler=FlowMatchEulerDiscreteScheduler(shift=self.objective.shift),
        )
        pipeline.set_progress_bar_config(disable=True)
        return pipeline

    def save(self, exported: Any, folder: Path) -> None:
        """A pipeline for `vera edit --model`, or a LoRA. A text encoder that is an installed package is only named."""
        if self.recipe.lora is not None:
            save_lora(exported, self.recipe.lora, folder)
            return
        sampling = self.recipe.sampling
        pipeline = VeraPipeline(
            tokenizer=None,
            text_encoder=None,
            transformer=exported,
            vae=cast_copy(self.vae, self.recipe.export_dtype),
            scheduler=FlowMatchEulerDiscreteScheduler(shift=self.objective.shift),
            max_sequence_length=self.objective.max_sequence_length,
            num_inference_steps=sampling.steps,
            guidance_scale=sampling.guidance,
            window_frames=sampling.window_frames,
            window_overlap=sampling.window_overlap,
            model_pixels=sampling.pixels,
            text_encoder_package=self.text.package,
        )
        pipeline.save_pretrained(folder)
        name, recipe = Path(self.recipe.output).name, recipe_text(self.recipe)
        card = model_card(name, pipeline.config, exported, pipeline.scheduler.config, recipe=recipe)
        (folder / "README.md").write_text(str(card), encoding="utf-8")
        self.text.link_into(folder)


@dataclass(frozen=True)
class Latents:
    """Normalised latents: `layers` [B,K,C,T,H,W], `source` and `mask` [B,C,T,H,W]; `text` states [B,L,D]; float32.

    Zeros are no mask.
    """

    layers: Tensor
    source: Tensor
    mask: Tensor
    text: Tensor

    def predict(self, model: nn.Module, noisy: Tensor, times: Tensor) -> Tensor:
        """Velocity [B,K,C,T,H,W] of `noisy` layers at `times` [B] in [0,1]; VeraError for a network of others."""
        config: Any = model.config
        channels, size = noisy.shape[2], list(noisy.shape[3:])
        if any(side % patch for side, patch in zip(size, config.patch_size, strict=True)):
            raise VeraError(f"model: patches of {list(config.patch_size)} do not divide latents of {size}; change one")
        if (channels, self.text.shape[-1]) != (config.in_channels, config.text_dim):
            raise VeraError(
                f"model: takes {config.in_channels} channels and texts {config.text_dim} wide, the data's latents have "
                f"{channels} and {self.text.shape[-1]}; leave in_channels and text_dim out"
            )
        velocity: Tensor = model(noisy, times * 1000, self.text, self.source, self.mask).sample
        return velocity

    def without(self, no_mask: Tensor, no_text: Tensor, empty_text: Tensor) -> "Latents":
        """Samples where `no_mask` or `no_text`, bool [B], is set lose the one or the other."""
        mask = torch.where(no_mask.reshape(-1, 1, 1, 1, 1), 0.0, self.mask)
        return replace(self, mask=mask, text=torch.where(no_text.reshape(-1, 1, 1), empty_text, self.text))

    def repeat(self, count: int) -> "Latents":
        """The one sample, `count` times."""
        return Latents(*(x.expand(count, *x.shape[1:]) for x in (self.layers, self.source, self.mask, self.text)))


def _alone(sample: LayeredSample | LatentSample) -> Batch | LatentBatch:
    return collate([sample]) if isinstance(sample, LayeredSample) else collate_latents([sample])


def _lay_over(layers: dict[str, Tensor], source: Tensor) -> Tensor:
    alpha = layers["alpha"][..., None]
    return alpha * layers["edit"] + (1 - alpha) * source


def load_autoencoder(folder: str) -> Any:
    """The frozen float32 autoencoder in `folder`; VeraError if there is none."""
    classes = {"AutoencoderPatch3D": AutoencoderPatch3D, "AutoencoderKLWan": AutoencoderKLWan}
    try:
        if not Path(folder).is_dir():  # diffusers would take it for a name on the hub
            raise FileNotFoundError(folder)
        config = AutoencoderPatch3D.load_config(folder, local_files_only=True)
        vae = classes[config["_class_name"]].from_pretrained(folder, torch_dtype=torch.float32, local_files_only=True)
    except DAMAGE:
        raise VeraError(
            f"objective: no autoencoder ({' or '.join(classes)}) in {folder}; train one first or correct the path"
        ) from None
    return vae.requires_grad_(False).eval()
