from collections.abc import Callable
from typing import Any

import pytest
import torch
from diffusers import WanTransformer3DModel

from vera.models.baselines import VARIANTS


@pytest.fixture
def make_wan(tiny_config: dict[str, Any]) -> Callable[..., WanTransformer3DModel]:
    """A tiny Wan of random weights."""

    def make(seed: int = 0) -> WanTransformer3DModel:
        torch.manual_seed(seed)
        return WanTransformer3DModel(**tiny_config).eval()

    return make


@pytest.fixture
def from_wan(tiny_config: dict[str, Any]) -> Callable[..., Any]:
    """The model of a variant with nothing but what conversion makes of a Wan."""

    def make(variant: str, wan: WanTransformer3DModel, **config: Any) -> Any:
        model = VARIANTS[variant].model(**VARIANTS[variant].config(tiny_config | config))
        weights = dict(VARIANTS[variant].additions(model.config))
        for key, tensor in wan.state_dict().items():
            weights |= dict(VARIANTS[variant].from_wan(model.config, key, tensor))
        model.load_state_dict(weights)  # strict: neither more nor less
        return model.to(wan.dtype).eval()

    return make


@pytest.fixture
def make_variant(tiny_config: dict[str, Any]) -> Callable[..., Any]:
    """The tiny model of a variant with random weights, also where a new model has zeros."""

    def make(variant: str, **config: Any) -> Any:
        torch.manual_seed(0)
        model = VARIANTS[variant].model(**VARIANTS[variant].config(tiny_config | config)).eval()
        with torch.no_grad():
            for key, parameter in model.named_parameters():
                if not parameter.any() or key.endswith("patch_embedding.weight"):
                    parameter.normal_(std=0.3)
        return model

    return make
