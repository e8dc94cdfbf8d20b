"""What the loop asks of a training method, and the choice of one."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from vera.data.sample import LayeredSample
from vera.errors import VeraError
from vera.training.batches import Batch, LayerSource
from vera.training.hardware import Autocast
from vera.training.recipe import Recipe


class Method(Protocol):
    """A network and how it learns. Networks are diffusers' `ModelMixin`, with `config` and `save_pretrained`."""

    def make_model(self, source: LayerSource) -> nn.Module:
        """A new network for step 0, on the CPU."""

    def model_class(self) -> Any:
        """Its class, to rebuild one from a checkpoint's config."""

    def freeze(self, model: nn.Module) -> None:
        """Switch off the gradients of what this method does not train."""

    def loss(self, model: nn.Module, batch: Batch, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """The scalar to minimise, and figures to log: every element of their tensors counts once in a mean."""

    def evaluate(self, model: nn.Module, sheet: Path) -> dict[str, float]:
        """Figures of the held-out samples; writes the picture `sheet`."""

    def save(self, model: Any, folder: Path) -> None:
        """Write what `model` is used by, in diffusers' layout: the network itself, or a whole pipeline."""


def make_method(recipe: Recipe, held_out: Sequence[LayeredSample], device: torch.device, autocast: Autocast) -> Method:
    """The method that the recipe names."""
    if recipe.method == "autoencoder":
        from vera.training.autoencoder import AutoencoderTraining

        return AutoencoderTraining(recipe, held_out, device)
    from vera.training.layered_flow import LayeredFlow

    return LayeredFlow(recipe, held_out, device, autocast)


def build_model(model_class: Any, config: dict[str, Any], init: str | None) -> Any:
    """A new float32 network of `config`, or that of folder `init`, whose config must then agree."""
    if init is None:
        try:
            return model_class(**config)
        except (TypeError, ValueError) as error:
            raise VeraError(f"model: {error}") from None
    try:
        model = model_class.from_pretrained(init, torch_dtype=torch.float32, local_files_only=True)
    except (OSError, ValueError) as error:
        raise VeraError(f"init: no weights of {model_class.__name__} in {init}: {str(error).splitlines()[0]}") from None
    for name, value in config.items():
        held = model.config.get(name)
        if (list(held) if isinstance(held, tuple) else held) != (list(value) if isinstance(value, tuple) else value):
            raise VeraError(f"model: {name} is {value!r} in the recipe, {held!r} in {init}; make them agree")
    return model
