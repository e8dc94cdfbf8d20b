"""The data that a recipe names."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from vera.data.mixture import Mixture
from vera.data.sample import LayerSource
from vera.errors import VeraError

# By import path: each brings libraries of its own.
SOURCES = {
    "synthetic": "vera.data.synthesis:SyntheticLayers",
    "released": "vera.data.released:ReleasedLayers",
    "shards": "vera.data.shards:ShardedLayers",
}


def open_source(data: Mapping[str, Any], held_out: bool) -> LayerSource:
    """The source that `data["source"]` names (synthetic if it names none), made with the other arguments.

    A `mixture` has a list `sources` of such mappings, each with a `weight`, and perhaps a `seed`. VeraError for a name
    or an argument that there is not.
    """
    arguments = dict(data)
    name = arguments.pop("source", "synthetic")
    if name == "mixture":
        return _open_mixture(arguments, held_out)
    if name not in SOURCES:
        raise VeraError(f"data: source is one of {', '.join(SOURCES)} or mixture, not {name!r}")
    module, _, class_name = SOURCES[name].partition(":")
    try:
        source: LayerSource = getattr(import_module(module), class_name)(**arguments, held_out=held_out)
    except TypeError as error:
        raise VeraError(f"data: {error}") from None
    return source


def _open_mixture(arguments: Mapping[str, Any], held_out: bool) -> Mixture:
    unknown = arguments.keys() - {"sources", "seed"}
    parts = arguments.get("sources")
    if unknown or not parts or not all(isinstance(part, Mapping) and "weight" in part for part in parts):
        raise VeraError("data: a mixture has `sources`, a list of mappings each with a `weight`, and perhaps a `seed`")
    sources = [open_source({k: v for k, v in part.items() if k != "weight"}, held_out) for part in parts]
    weights = [float(part["weight"]) for part in parts]
    if min(weights) <= 0:
        raise VeraError("data: the weights of a mixture are above 0")
    return Mixture(sources, weights, int(arguments.get("seed", 0)))
