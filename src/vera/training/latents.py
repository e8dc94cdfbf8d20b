"""Latents of a batch: what a network of layers learns from, and how it is called."""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from vera.errors import VeraError
from vera.training.methods import objective

LAYERS = ("edit", "alpha", "composite")


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

    def errors(self, model: nn.Module, noise: Tensor, times: Tensor, weights: Tensor | None = None) -> Tensor:
        """Errors [B,K] of the velocity that is predicted for these layers with `noise` at `times` [B]."""
        prediction = self.predict(model, objective.add_noise(self.layers, noise, times), times)
        return objective.branch_errors(prediction, objective.velocity(self.layers, noise), weights)

    def without(self, no_mask: Tensor, no_text: Tensor, empty_text: Tensor) -> "Latents":
        """Samples where `no_mask` or `no_text`, bool [B], is set lose the one or the other."""
        mask = torch.where(no_mask.reshape(-1, 1, 1, 1, 1), 0.0, self.mask)
        return replace(self, mask=mask, text=torch.where(no_text.reshape(-1, 1, 1), empty_text, self.text))

    def repeat(self, count: int) -> "Latents":
        """The one sample, `count` times."""
        return Latents(*(x.expand(count, *x.shape[1:]) for x in (self.layers, self.source, self.mask, self.text)))
