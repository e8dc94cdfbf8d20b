"""Models with diffusers' caches."""

from typing import Any

import torch


def cached_samples(model: Any, inputs: dict[str, Any], cache: Any, steps: int) -> list[torch.Tensor]:
    """What a model says in so many steps with a cache, all of the same inputs."""
    model.enable_cache(cache)
    with model.cache_context("cond"):
        return [model(**inputs).sample for _ in range(steps)]
