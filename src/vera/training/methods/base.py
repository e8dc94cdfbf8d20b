"""What the loop asks of a training method."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor, nn

from vera.data.sample import LayerData
from vera.training.batches import Batch, LatentBatch


class Method(Protocol):
    """A network and how it learns. Networks are diffusers' `ModelMixin`, with `config` and `save_pretrained`.

    `in_float32`: it also computes outside of autocast, so that weights are float32 wherever they are spread.
    """

    in_float32: bool

    def check_data(self, data: LayerData) -> None:
        """Raise VeraError for data that this method cannot learn from; take from it what else it knows."""

    def make_model(self, data: LayerData) -> nn.Module:
        """A new network for step 0, on the CPU; an empty one if the recipe's `init` is to fill it."""

    def model_class(self) -> Any:
        """Its class, to rebuild one from a checkpoint's config."""

    def identity(self) -> dict[str, Any]:
        """What this method learns from that a run cannot change when it goes on, by name, as JSON has it."""

    def check_model(self, model: nn.Module) -> None:
        """Raise VeraError for a network, new or of a checkpoint, that the recipe's objective cannot be of."""

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
