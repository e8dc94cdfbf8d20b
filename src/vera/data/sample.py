"""The layered sample, one training or test record, and what data is to the trainer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from vera.errors import VeraError

if TYPE_CHECKING:  # frames need no torch
    from torch import Tensor

Task = Literal["obj_add", "background_replace"]


@dataclass(frozen=True)
class LayeredSample:
    """A source, an instruction and the layers that carry it out.

    All arrays are uint8, time first and of one size: `source`, `edit` (straight colours) and `composite` are
    `[T,H,W,3]` RGB, `alpha` and `mask` `[T,H,W]`. `mask` is 255 on the subject to preserve, or None.
    `composite` is `alpha * edit + (1 - alpha) * source`, rounded.
    """

    source: NDArray[np.uint8]
    edit: NDArray[np.uint8]
    alpha: NDArray[np.uint8]
    composite: NDArray[np.uint8]
    mask: NDArray[np.uint8] | None
    instruction: str
    task: Task


@dataclass(frozen=True)
class LatentSample:
    """An encoded layered sample, normalised as the network sees it, in a 16-bit float dtype.

    `layers` [3,C,T,H,W] in the order edit, alpha, composite; `source` and `mask` [C,T,H,W]; `text` [L,D] are the
    instruction's states, without the zeros after its end.
    """

    layers: "Tensor"
    source: "Tensor"
    mask: "Tensor | None"
    text: "Tensor"
    instruction: str
    task: Task


class BadSample(VeraError):  # noqa: N818 (names a sample, and training goes on)
    """A sample that cannot be used; the message names file and row."""


class LayerData(Protocol):
    """What the trainer asks of data."""

    def draw(self, step: int, batch_size: int, attempt: int = 0) -> Sequence[Any]:
        """Keys of the samples that training step `step` learns from, all of one shape: a function of its arguments.

        Another `attempt` gives stand-ins of the same shape for samples that proved bad.
        """

    def load(self, key: Any) -> "LayeredSample | LatentSample":
        """The sample of a key; raises BadSample."""


def epoch_lengths(data: LayerData) -> tuple[int, ...]:
    """How many samples an epoch of each stream of finite data has, which sets their order; none of endless data."""
    return tuple(getattr(data, "lengths", ()))
