"""Vera's own transformer as variants: the mixture of transformers, and one branch of it as plain video-to-video."""

from typing import Any

from torch import Tensor

from vera.models.baselines.variant import Config, Named, Variant
from vera.models.conversion.experts import wan_to_vera
from vera.models.transformer_vera import VeraTransformer3DModel


def _to_experts(config: Config, key: str, tensor: Tensor) -> Named:
    yield from wan_to_vera({key: tensor}, config["branches"], config["text_branches"]).items()


def _text_but_for_alpha(config: Config) -> dict[str, Any]:
    """Of fewer branches, those without text attention are named only if others than alpha."""
    if "branches" not in config:
        return dict(config)
    return {"text_branches": [branch for branch in config["branches"] if branch != "alpha"], **config}


def _only_composite(config: Config) -> dict[str, Any]:
    return {**config, "branches": ["composite"], "text_branches": ["composite"]}


MOT = Variant(VeraTransformer3DModel, _to_experts, _text_but_for_alpha)
V2V = Variant(VeraTransformer3DModel, _to_experts, _only_composite)
