"""The data that a recipe names."""

from collections.abc import Mapping
from typing import Any

from vera.data.sample import LayerSource
from vera.data.synthesis import SyntheticLayers
from vera.errors import VeraError

SOURCES: dict[str, Any] = {"synthetic": SyntheticLayers}


def open_source(data: Mapping[str, Any], held_out: bool) -> LayerSource:
    """The source that `data["source"]` names (synthetic if it names none), made with the other arguments.

    VeraError for a name or an argument that there is not.
    """
    arguments = dict(data)
    name = arguments.pop("source", "synthetic")
    if name not in SOURCES:
        raise VeraError(f"data: source is one of {', '.join(SOURCES)}, not {name!r}")
    try:
        source: LayerSource = SOURCES[name](**arguments, held_out=held_out)
    except TypeError as error:
        raise VeraError(f"data: {error}") from None
    return source
