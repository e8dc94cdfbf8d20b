"""The scale of adapters for one forward, `attention_kwargs={"scale": ...}`: their own weights stay as they were."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from peft.tuners.tuners_utils import BaseTunerLayer

from vera.errors import VeraError


@contextmanager
def scaled_once(transformer: Any, attention_kwargs: Mapping[str, Any] | None) -> Iterator[None]:
    """Restore the weights of `set_adapters` after a forward: after a scale of 0 diffusers makes them all 1.

    VeraError where an adapter is fused, which no scale reaches.
    """
    if (attention_kwargs or {}).get("scale", 1.0) == 1.0:
        yield
        return
    layers: list[Any] = [module for module in transformer.modules() if isinstance(module, BaseTunerLayer)]
    if any(layer.merged for layer in layers):
        raise VeraError("attention_kwargs: the scale does not reach a fused adapter: call unfuse_lora first")
    weights = [dict(layer.scaling) for layer in layers]
    try:
        yield
    finally:
        for layer, before in zip(layers, weights, strict=True):
            layer.scaling.update(before)
