"""diffusers' caches on transformers over layers: those that really save something, and none that only says so."""

from dataclasses import replace
from typing import Any

from diffusers import FasterCacheConfig, TaylorSeerCacheConfig, TextKVCacheConfig
from diffusers.hooks import SeaCacheConfig
from torch import Tensor

from vera.errors import VeraError

_REFUSED = {
    FasterCacheConfig: "it takes both guidance passes as one batch, and here they are two forwards",
    TextKVCacheConfig: "it knows the blocks of another model only, and would save nothing",
}
_JOINT_ATTENTION = r"blocks\.\d+\.attn1"


class LayerCaches:
    """Mixin before `CacheMixin`: caches are fitted to transformers over layers, or refused."""

    def enable_cache(self, config: Any) -> None:
        """Enable one of diffusers' caches. Raises VeraError for those that would fail, or save nothing unnoticed."""
        super().enable_cache(fit_cache(config))  # type: ignore[misc]  # CacheMixin's


def fit_cache(config: Any) -> Any:
    """Return the configuration as these transformers need it. Raises VeraError for caches that would not work."""
    for kind, reason in _REFUSED.items():
        if isinstance(config, kind):
            raise VeraError(f"{kind.__name__.removesuffix('Config')} does not work with this model: {reason}")
    if isinstance(config, SeaCacheConfig) and config.raw_vision_callback is None:
        return replace(config, raw_vision_callback=_noisy_layers)
    if isinstance(config, TaylorSeerCacheConfig):
        if config.use_lite_mode:
            raise VeraError("TaylorSeer's lite mode does not work with this model: it looks for a single output layer")
        if not config.cache_identifiers and not config.skip_predict_identifiers:
            return replace(config, cache_identifiers=[_JOINT_ATTENTION])  # its own patterns match none of Wan's names
    return config


def _noisy_layers(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Tensor]:
    """What SeaCache compares from step to step: every layer's noisy latents [C,T,H,W]."""
    hidden_states: Tensor = kwargs["hidden_states"] if "hidden_states" in kwargs else args[0]
    return list(hidden_states.flatten(0, 1).unbind())
