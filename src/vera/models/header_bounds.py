"""What a configuration can describe, given the shapes of its weights: before anything is built of it."""

from collections.abc import Iterable, Mapping
from typing import Any

from vera.errors import VeraError

Shapes = Mapping[str, tuple[int, ...]]

_LARGEST = 1 << 20  # of a number in a configuration that is not a size of some weight
_BRANCHES = 8


def check_config(config: Mapping[str, Any], shapes: Shapes, where: str) -> None:
    """VeraError for numbers that weights of these shapes cannot have, before something is built of them."""
    largest = max((side for shape in shapes.values() for side in shape), default=0)
    for name, value in _numbers(config):
        most = len(shapes) if "layer" in name or "blocks" in name else max(largest, _LARGEST)
        if not abs(value) <= most:
            raise VeraError(f"{where}: config.json: {name} is {shown(value)}, the weights are those of at most {most}")
    for name, value in config.items():
        if isinstance(value, list) and len(value) > max(_BRANCHES, largest, len(shapes)):
            raise VeraError(f"{where}: config.json: {name} has {len(value):,} entries, more than the weights have")


def _numbers(value: Any, name: str = "") -> Iterable[tuple[str, float]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _numbers(inner, str(key))
    elif isinstance(value, list):
        for inner in value:
            yield from _numbers(inner, name)
    elif isinstance(value, int | float):
        yield name, value


def shown(value: object) -> str:
    """A stranger's value on one line."""
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
