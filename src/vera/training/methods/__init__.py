"""Training methods: what the loop asks of one (`base`), and each in its own file; `METHODS` in `recipe` names them."""

from collections.abc import Sequence
from importlib import import_module

import torch

from vera.data.sample import LatentSample, LayeredSample
from vera.hardware import Autocast
from vera.training.methods.base import Method
from vera.training.recipe import METHODS, Recipe


def make_method(
    recipe: Recipe, held_out: Sequence[LayeredSample | LatentSample], device: torch.device, autocast: Autocast
) -> Method:
    """Make the method that the recipe names."""
    _, path = METHODS[recipe.method]
    module, _, name = path.partition(":")
    method: Method = getattr(import_module(module), name)(recipe, held_out, device, autocast)
    return method
