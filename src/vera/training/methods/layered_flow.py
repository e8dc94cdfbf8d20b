"""Training of the layered denoiser: flow matching over the latents of edit, alpha and composite."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from vera.data.sample import LatentSample, LayerData, LayeredSample
from vera.errors import VeraError
from vera.hardware import Autocast
from vera.models.baselines import VARIANTS
from vera.training.batches import Batch, LatentBatch
from vera.training.encoders import FrozenEncoders
from vera.training.latents import LAYERS, Latents
from vera.training.lora import save_lora
from vera.training.methods import objective
from vera.training.methods.distillation import Predict, check_teacher, guided, load_teacher, mean_velocity, step_times
from vera.training.methods.held_out import HeldOut
from vera.training.methods.publish import save_pipeline
from vera.training.networks import model_of, new_model
from vera.training.recipe import FlowObjective, Recipe


class LayeredFlow:
    """`layered_flow`: predict the velocity of all layers from noisy latents, the source, the mask and the text."""

    in_float32 = False

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
        self.device = device
        self.encoders = FrozenEncoders(self.objective, device)
        self.held_out = HeldOut(held_out, self.encoders, recipe.sampling, recipe.sampling_shift, autocast)
        self.teacher: Any = None
        if self.objective.distillation is not None:
            self.teacher = load_teacher(self.objective.distillation.teacher, self.encoders.vae).to(device)
        self.empty: dict[torch.Size, Tensor] = {}  # latents of a matte that is 0 everywhere, by their shape

    def model_class(self) -> Any:
        """Name the class of the recipe's variant."""
        return VARIANTS[self.recipe.variant].model

    def check_data(self, data: LayerData) -> None:
        """Take what caches know of the empty instruction; VeraError for those of other encoders."""
        self.encoders.use_caches(data)

    def make_model(self, data: LayerData) -> nn.Module:
        """Make the recipe's model; channels and text width are the encoders' unless named."""
        channels = self.encoders.vae.config.z_dim
        config = VARIANTS[self.recipe.variant].config(
            {"in_channels": channels, "out_channels": channels, "text_dim": self.encoders.text.dim} | self.recipe.model
        )
        if self.recipe.init is None:
            return cast(nn.Module, new_model(self.model_class(), config))
        return cast(nn.Module, model_of(self.model_class(), config, self.recipe.init))

    def identity(self) -> dict[str, Any]:
        """What the latents and the text states are of."""
        return self.encoders.identity()

    def check_model(self, model: nn.Module) -> None:
        """VeraError if its branches make no edit, or none of them counts.

        Or if places are to be weighed by a matte, or channels in a branch, that the model has not, or if a teacher
        predicts other layers, or of other latents or texts.
        """
        branches = set(_branches(model))
        if not branches <= set(LAYERS) or not ({"edit", "alpha"} <= branches or branches == {"composite"}):
            raise VeraError(
                f"model: branches are edit and alpha, perhaps composite, or composite alone; not {_branches(model)}"
            )
        weights: Mapping[Any, float] = self.objective.weights
        if not any(weights.get(branch, 1.0) for branch in branches):
            raise VeraError(f"objective: weights: those of {', '.join(_branches(model))} are all 0: nothing is learnt")
        if self.objective.outside_weight != 1 and "alpha" not in _branches(model):
            raise VeraError(
                "objective: outside_weight asks where the matte is 0, and this model has none; leave it out"
            )
        if absent := [branch for branch in self.objective.by_variance if branch not in _branches(model)]:
            raise VeraError(f"objective: by_variance: this model has no branch {absent[0]}; leave it out")
        if self.teacher is not None:
            check_teacher(self.teacher, model)

    def freeze(self, model: nn.Module) -> None:
        """Everything is trained."""

    def loss(
        self, model: nn.Module, batch: Batch | LatentBatch, seeds: Sequence[int]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Weigh the branches' errors of the predicted velocity, or of what a teacher's steps make of it."""
        branches = _branches(model)
        latents = self.encoders.encode(batch, branches)
        draws = objective.draw(seeds, latents.layers.shape[1:], self.objective, self.device)
        latents = latents.without(draws.no_mask, draws.no_text, self.encoders.text([""]))
        goal, weights = self.objective.distillation, self._weights(latents.layers, branches)
        if goal is None:
            times = draws.times
            errors = latents.errors(model, draws.noise, times, weights)
        else:
            spans = step_times(draws.places, goal, self.recipe.sampling_shift)
            times = spans[0]
            noisy = objective.add_noise(latents.layers, draws.noise, times)
            target = mean_velocity(self._teach(latents, goal.guidance), noisy, spans)
            errors = objective.branch_errors(latents.predict(model, noisy, times), target, weights)
        total = objective.weighted_loss(errors, branches, self.objective.weights)
        per_branch = dict(zip(branches, errors.unbind(1), strict=True))
        return total, {"loss": total, **per_branch, **objective.quartiles(errors.mean(1), times)}

    def _teach(self, latents: Latents, guidance: float) -> Predict:
        """Make the teacher's guided prediction for these samples."""
        blind = replace(latents, text=self.encoders.text([""]).expand_as(latents.text))
        seeing, not_seeing = (partial(held.predict, self.teacher) for held in (latents, blind))
        return guided(seeing, not_seeing, guidance)

    def _weights(self, layers: Tensor, branches: Sequence[str]) -> Tensor | None:
        """Weigh the places and channels of `layers`; None if all count the same."""
        places = self._place_weights(layers, branches)
        if not self.objective.by_variance:
            return places
        std = torch.tensor(self.encoders.vae.config.latents_std, device=self.device)
        channels = objective.channel_weights(std, branches, self.objective.by_variance)
        return channels if places is None else places * channels

    @torch.no_grad()
    def _place_weights(self, layers: Tensor, branches: Sequence[str]) -> Tensor | None:
        """Weigh the places of `layers`; None if all count the same."""
        if self.objective.outside_weight == 1:
            return None
        shape = layers.shape[3:]
        if shape not in self.empty:
            frames = 1 + (shape[0] - 1) * self.encoders.vae.config.scale_factor_temporal
            side = self.encoders.vae.config.scale_factor_spatial
            matte = torch.zeros(1, frames, shape[1] * side, shape[2] * side, dtype=torch.uint8, device=self.device)
            self.empty[shape] = self.encoders.encode_video(matte)
        return objective.place_weights(layers, self.empty[shape], branches, self.objective.outside_weight)

    def evaluate(self, model: Any, sheet: Path | None) -> dict[str, float]:
        """Measure the held-out samples, as `HeldOut.evaluate`."""
        return self.held_out.evaluate(model, sheet)

    def save(self, exported: Any, folder: Path) -> None:
        """Write a pipeline for `vera edit --model`, or a LoRA."""
        if self.recipe.lora is not None:
            save_lora(exported, self.recipe.lora, folder)
        else:
            save_pipeline(exported, self.recipe, self.encoders, folder)


def _branches(model: Any) -> list[str]:
    return list(model.config.branches)
