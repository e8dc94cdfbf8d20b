"""What the loop asks of a training method, and the choice of one."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from vera.data.sample import LatentSample, LayeredSample, LayerSource
from vera.errors import VeraError, first_line
from vera.training.batches import Batch, LatentBatch
from vera.training.hardware import Autocast
from vera.training.recipe import Recipe
from vera.training.weights import empty_model

# What a network's constructor raises for values that make no network.
WRONG = (TypeError, ValueError, ArithmeticError, RuntimeError, AttributeError, LookupError, MemoryError, AssertionError)


class Method(Protocol):
    """A network and how it learns. Networks are diffusers' `ModelMixin`, with `config` and `save_pretrained`."""

    def make_model(self, source: LayerSource) -> nn.Module:
        """A new network for step 0, on the CPU; an empty one if the recipe's `init` is to fill it."""

    def model_class(self) -> Any:
        """Its class, to rebuild one from a checkpoint's config."""

    def freeze(self, model: nn.Module) -> None:
        """Switch off the gradients of what this method does not train."""

    def loss(
        self, model: nn.Module, batch: Batch | LatentBatch, seeds: Sequence[int]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The scalar to minimise, and figures to log: every element of their tensors counts once in a mean.

        `seeds` has the randomness of every sample, so that it does not depend on who computes it. The names of the
        figures are always the same.
        """

    def evaluate(self, model: nn.Module, sheet: Path | None) -> dict[str, float]:
        """Figures of the held-out samples; writes the picture `sheet`. Every process calls, one with a `sheet`."""

    def save(self, exported: Any, folder: Path) -> None:
        """Write what is used of a run, in diffusers' layout: the network itself, or a whole pipeline.

        `exported` is a copy of the network on the CPU or, of a LoRA run, the state dict of the adapter.
        """


def make_method(
    recipe: Recipe, held_out: Sequence[LayeredSample | LatentSample], device: torch.device, autocast: Autocast
) -> Method:
    """The method that the recipe names."""
    if recipe.method == "autoencoder":
        from vera.training.autoencoder import AutoencoderTraining

        return AutoencoderTraining(recipe, held_out, device)
    from vera.training.layered_flow import LayeredFlow

    return LayeredFlow(recipe, held_out, device, autocast)


def new_model(model_class: Any, config: dict[str, Any]) -> Any:
    """A new float32 network; VeraError for a config that its class does not take."""
    try:
        return model_class(**config)
    except WRONG as error:
        raise VeraError(f"model: {type(error).__name__}: {first_line(error)}") from None


def model_of(model_class: Any, config: dict[str, Any], init: str) -> Any:
    """The network of folder `init`, with shapes only; VeraError where the recipe's `config` says otherwise."""
    if not Path(init).is_dir():  # diffusers would take it for a name on the hub
        raise VeraError(f"init: there is no folder {init}; correct the path, or make it first")
    try:
        held = model_class.load_config(init, local_files_only=True)
    except (OSError, ValueError) as error:
        raise VeraError(f"init: no {model_class.__name__} in {init}: {first_line(error)}") from None
    if held.get("_class_name") != model_class.__name__:
        raise VeraError(f"init: {init} holds a {held.get('_class_name')}, this recipe trains a {model_class.__name__}")
    try:
        model = empty_model(model_class, {name: value for name, value in held.items() if not name.startswith("_")})
    except WRONG as error:
        raise VeraError(f"init: {init} has a config of no network: {first_line(error)}") from None
    for name, value in config.items():
        if _plain(model.config.get(name)) != _plain(value):
            raise VeraError(
                f"model: {name} is {value!r} in the recipe, {model.config.get(name)!r} in {init}; make them agree"
            )
    return model


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
