"""Several kinds of data as one."""

from collections.abc import Sequence
from typing import Any

from vera.data.sample import LatentSample, LayerData, LayeredSample, epoch_lengths
from vera.data.shuffle import Interleaving


class Mixture:
    """Each training step draws from one of `parts`, which `weights` say how often; a batch has one shape so."""

    def __init__(self, parts: Sequence[LayerData], weights: Sequence[float], seed: int = 0) -> None:
        self.parts = list(parts)
        self._interleaving = Interleaving(weights, seed)

    @property
    def lengths(self) -> list[int]:
        """How many samples an epoch of each part has, or of each stream of it; of endless parts none."""
        return [length for part in self.parts for length in epoch_lengths(part)]

    def draw(self, step: int, batch_size: int, attempt: int = 0) -> list[tuple[int, Any]]:
        """Keys of a step's samples: the part that this step draws from, and that part's keys."""
        index, own_step = self._interleaving.place(step)
        return [(index, key) for key in self.parts[index].draw(own_step, batch_size, attempt)]

    def load(self, key: tuple[int, Any]) -> LayeredSample | LatentSample:
        """Load a sample from its part."""
        index, own_key = key
        return self.parts[index].load(own_key)
