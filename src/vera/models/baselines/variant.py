"""What makes an architecture one of Vera's variants: its class, its arguments, and which tensors of Wan it takes."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from vera.models.conversion.experts import COORDINATES

Config = Mapping[str, Any]
Named = Iterator[tuple[str, Tensor]]

NEW = rf"(source|mask|layer|coordinate)_embedding\.|{re.escape(COORDINATES)}$"


@dataclass(frozen=True)
class Variant:
    """An architecture that recipes and `vera init` know by its name in `VARIANTS`.

    Args:
        model: the class: a `ModelMixin` with the config field `branches` and the `forward` of `VeraTransformer3DModel`.
        from_wan: from the whole config, the name of a tensor of one Wan2.1 transformer (diffusers' names) and that
            tensor: the names and tensors that the variant makes of it, shared with it where they are equal.
        config: arguments of the class, from those in which only what differs from its defaults is named.
        new: matches, from their beginning, the names of tensors that Wan does not have; they are zero at first, so that
            the variant predicts as Wan does.
    """

    model: Any
    from_wan: Callable[[Config, str, Tensor], Named]
    config: Callable[[Config], dict[str, Any]] = dict
    new: str = NEW

    def additions(self, config: Config) -> Named:
        """Zeros, float32, for each tensor that Wan does not have; `config` is the whole config of the class."""
        with torch.device("meta"):
            model = self.model.from_config(config)
        for key, tensor in model.state_dict().items():
            if re.match(self.new, key):
                yield key, torch.zeros(tensor.shape)


def keep_names(config: Config, key: str, tensor: Tensor) -> Named:
    """Take Wan's tensor under its own name."""
    yield key, tensor


def with_zero_channels(weight: Tensor, times: int) -> Tensor:
    """A patch embedding [D, C, ...] that also reads `times` as many channels again, and ignores them."""
    return torch.cat([weight, *[torch.zeros_like(weight)] * times], dim=1)
