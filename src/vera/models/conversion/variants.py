"""From the tensors of one Wan2.1 transformer, in diffusers' names, to those of a variant, one at a time.

`config` is always the whole config of the variant's class, as in its config.json. A model of `convert` of every tensor
and `additions` predicts as Wan does, whatever its source and mask.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from vera.models.baselines import VARIANTS
from vera.models.conversion.experts import COORDINATES, wan_to_vera

_ZERO_AT_START = (
    "source_embedding.",
    "mask_embedding.",
    "layer_embedding.",
    "coordinate_embedding.",
    COORDINATES,
)


def convert(variant: str, config: Mapping[str, Any], key: str, tensor: Tensor) -> Iterator[tuple[str, Tensor]]:
    """The variant's tensors that come from Wan's `tensor` of name `key`; shared with it where they are equal."""
    if variant in ("mot", "v2v"):
        yield from wan_to_vera({key: tensor}, config["branches"], config["text_branches"]).items()
    elif variant == "dense":
        head = f"output_head.{key}" if key.startswith(("proj_out.", "scale_shift_table")) else key
        yield "coordinate_embedding.weight" if key == COORDINATES else head, tensor
    elif variant == "v2v_concat":
        yield key, _with_zero_channels(tensor, 2) if key == "patch_embedding.weight" else tensor
    elif variant == "t2v":
        yield key, tensor
    elif variant == "vace":
        yield key, tensor
        # The context reads the source with Wan's own patch embedding, and then with copies of Wan's own blocks.
        if key.startswith("patch_embedding."):
            yield f"vace_{key}", _with_zero_channels(tensor, 1) if key.endswith("weight") else tensor
        if key.startswith("blocks."):
            _, block, rest = key.split(".", 2)
            if int(block) in config["vace_layers"]:
                yield f"vace_blocks.{list(config['vace_layers']).index(int(block))}.{rest}", tensor
    else:
        raise ValueError(f"variant is one of {', '.join(VARIANTS)}, not {variant!r}")


def additions(variant: str, config: Mapping[str, Any]) -> Iterator[tuple[str, Tensor]]:
    """The variant's tensors that Wan does not have, float32: all of them zero."""
    with torch.device("meta"):
        model = VARIANTS[variant].from_config(config)
    for key, tensor in model.state_dict().items():
        projection = key.startswith("vace_blocks.") and key.split(".")[2] in ("proj_in", "proj_out")
        if projection or key.startswith(_ZERO_AT_START):
            yield key, torch.zeros(tensor.shape)


def _with_zero_channels(weight: Tensor, times: int) -> Tensor:
    """A patch embedding [D, C, ...] that also reads `times` as many channels again, and ignores them."""
    return torch.cat([weight, *[torch.zeros_like(weight)] * times], dim=1)
