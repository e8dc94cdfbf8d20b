"""Training methods: what the loop asks of one (`base`), each in its own file, and the table that names them."""

from collections.abc import Sequence
from importlib import import_module

import torch

from vera.data.sample import LatentSample, LayeredSample
from vera.hardware import Autocast
from vera.training.methods.base import Method
from vera.training.recipe import Recipe

METHODS = {
    "layered_flow": "vera.training.methods.layered_flow:LayeredFlow",
    "autoencoder": "vera.training.methods.autoencoder:AutoencoderTraining",
}


def make_method(
    recipe: Recipe, held_out: Sequence[LayeredSample | LatentSample], device: torch.device, autocast: Autocast
) -> Method:
    """Make the method that the recipe names."""
    module, _, name = METHODS[recipe.method].partition(":")
    method: Method = getattr(import_module(module), name)(recipe, held_out, device, autocast)
    return method
