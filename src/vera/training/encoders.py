"""Which frozen networks encoded samples, so that training takes no latents but its own networks'."""

from collections.abc import Mapping
from typing import Any

from vera.data.sample import LayerSource
from vera.errors import VeraError
from vera.models.fingerprint import fingerprint
from vera.training.recipe import FlowObjective, Recipe

NAMES = {
    "autoencoder": "another autoencoder",
    "text_encoder": "another text encoder",
    "max_sequence_length": "another max_sequence_length",
}


def describe_encoders(method: Any) -> dict[str, Any]:
    """The autoencoder by its config and weights, the text encoder by its config, and how long texts may be."""
    return {
        "autoencoder": fingerprint(method.vae),
        "text_encoder": method.text.identity(),
        "max_sequence_length": method.objective.max_sequence_length,
    }


def use_cache(recipe: Recipe, source: LayerSource, method: Any) -> None:
    """Where `source`, or a part of a mixture, is a cache: take the states of the empty instruction from it.

    So training needs no text encoder. VeraError if the recipe's networks are not those that encoded the cache.
    """
    ours: Mapping[str, Any] = {}
    for cache in _caches(source):
        if not isinstance(recipe.objective, FlowObjective):
            raise VeraError(f"data: shards hold latents; {recipe.method} learns from clips, take their source")
        ours = ours or describe_encoders(method)
        for name, words in NAMES.items():
            if cache.encoders.get(name) != ours[name]:
                raise VeraError(
                    f"data: {cache.reader.folder.parent} was encoded with {words} ({_short(cache.encoders.get(name))}, "
                    f"the recipe's is {_short(ours[name])}); correct objective.{name} or run `vera data cache` anew"
                )
        method.text.put("", cache.empty_text)


def _caches(source: Any) -> list[Any]:
    parts = getattr(source, "sources", None)
    if parts is not None:
        return [cache for part in parts for cache in _caches(part)]
    return [source] if hasattr(source, "encoders") else []


def _short(value: Any) -> str:
    return str(value)[:24]
