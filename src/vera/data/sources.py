"""The data that a recipe names."""

from collections.abc import Mapping
from importlib import import_module
from inspect import Parameter, signature
from typing import Any, get_type_hints

from vera.data.mixture import Mixture
from vera.data.sample import LayerData
from vera.errors import VeraError
from vera.fields import Part, Seed, check_fields, check_plain, check_value

# By import path: each brings libraries of its own.
KINDS = {
    "synthetic": "vera.data.synthesis:SyntheticLayers",
    "released": "vera.data.released.dataset:ReleasedLayers",
    "shards": "vera.data.latents.dataset:ShardedLayers",
}


def open_layer_data(data: Mapping[str, Any], held_out: bool) -> LayerData:
    """Open the data that `data["kind"]` names (synthetic if it names none), made with the other arguments.

    A `mixture` has a list `parts` of such mappings, each with a `weight`, and perhaps a `seed`. VeraError for a name
    or an argument that there is not, or of another kind than its own.
    """
    check_plain(dict(data), "data")
    arguments = dict(data)
    if data_kind(data) == "mixture":
        parts = _parts(arguments)
        seed = check_value(Seed, arguments.get("seed", 0), "data: seed")
        weights = [check_value(Part, part["weight"], "data: weight") for part in parts]
        return Mixture([open_layer_data(_without_weight(part), held_out) for part in parts], weights, seed)
    arguments.pop("kind", None)
    module, _, class_name = KINDS[data_kind(data)].partition(":")
    data_class = getattr(import_module(module), class_name)
    hints = get_type_hints(data_class.__init__, include_extras=True)
    known = {name: p for name, p in signature(data_class).parameters.items() if name != "held_out"}
    required = [name for name, parameter in known.items() if parameter.default is Parameter.empty]
    checked = check_fields({name: hints[name] for name in known}, required, arguments, "data")
    opened: LayerData = data_class(**checked, held_out=held_out)
    return opened


def data_kind(data: Mapping[str, Any]) -> str:
    """What `data["kind"]` names; VeraError if there is no such kind."""
    name = data.get("kind", "synthetic")
    if not isinstance(name, str) or name not in (*KINDS, "mixture"):
        raise VeraError(f"data: kind is one of {', '.join(KINDS)} or mixture, not {name!r:.80}")
    return name


def batch_counts(data: Mapping[str, Any], batch_size: int, frames: int | None = None) -> set[int]:
    """How many samples the batches of a recipe's data may have; of those with clips of `frames` frames, if given.

    That is `batch_size`, but for synthetic clips, of which it counts the latent frames. Nothing is opened.
    """
    name = data_kind(data)
    if name == "mixture":
        return set().union(*(batch_counts(part, batch_size, frames) for part in _parts(dict(data))))
    if name != "synthetic":
        return {batch_size}
    from vera.data.synthesis.stages import clip_count, read_stages

    stages = read_stages(data["stages"]) if "stages" in data else []
    lengths = {length for stage in stages for length, weight in stage.frames.items() if weight} or {1}
    return {clip_count(batch_size, length) for length in (lengths if frames is None else {frames})}


def check_share(data: Mapping[str, Any], batch_size: int, processes: int) -> None:
    """VeraError unless `processes` share every batch of the data equally: of each length that clips may have."""
    if not (left := _unshared(data, batch_size, processes)):
        return
    sizes = range(batch_size + 1, 64 * max(batch_size, processes))
    fitting = next((size for size in sizes if not _unshared(data, size, processes)), None)
    told = f"{batch_size} gives batches of {', '.join(map(str, left))} samples, which" if left != [batch_size] else ""
    raise VeraError(
        f"batch_size: {told or f'{batch_size} samples'} cannot be shared by {processes} processes"
        + (f"; {fitting} can" if fitting else "")
    )


def _unshared(data: Mapping[str, Any], batch_size: int, processes: int) -> list[int]:
    return sorted(count for count in batch_counts(data, batch_size) if count % processes)


def _parts(arguments: dict[str, Any]) -> list[Mapping[str, Any]]:
    unknown = arguments.keys() - {"parts", "seed", "kind"}
    parts = arguments.get("parts")
    whole = isinstance(parts, list) and parts and all(isinstance(part, Mapping) and "weight" in part for part in parts)
    if unknown or not whole:
        raise VeraError("data: a mixture has `parts`, a list of mappings each with a `weight`, and perhaps a `seed`")
    return list(parts or ())


def _without_weight(part: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in part.items() if name != "weight"}
