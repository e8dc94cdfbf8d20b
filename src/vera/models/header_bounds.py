"""What a configuration can describe, given the shapes of its weights: before anything is built of it."""

import inspect
from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any, get_args, get_type_hints

from vera.errors import VeraError

Shapes = Mapping[str, tuple[int, ...]]

_LARGEST = 1 << 20  # of a number in a configuration that is not a size of some weight
_BRANCHES = 8
_KINDS: dict[Any, tuple[type, ...]] = {
    bool: (bool,),
    int: (int,),
    float: (int, float),
    str: (str,),
    tuple: (list,),
    list: (list,),
}


def check_config(config: Mapping[str, Any], shapes: Shapes, where: str) -> None:
    """VeraError for numbers that weights of these shapes cannot have, before something is built of them."""
    largest = max((side for shape in shapes.values() for side in shape), default=0)
    for name, value in _numbers({name: value for name, value in config.items() if not name.startswith("_")}):
        most = len(shapes) if "layer" in name or "blocks" in name else max(largest, _LARGEST)
        if not abs(value) <= most:
            raise VeraError(f"{where}: config.json: {name} is {shown(value)}, the weights are those of at most {most}")
    for name, value in config.items():
        if isinstance(value, list) and len(value) > max(_BRANCHES, largest, len(shapes)):
            raise VeraError(f"{where}: config.json: {name} has {len(value):,} entries, more than the weights have")


def check_types(config: Mapping[str, Any], described: Any, where: str) -> None:
    """VeraError for a value of another type than that argument of the class `described` has, or an infinite one."""
    defaults = inspect.signature(described.__init__).parameters
    for name, kinds in _argument_types(described).items():
        value = config.get(name)
        if (
            value is not None
            and value != defaults[name].default
            and (type(value) not in kinds or (type(value) is float and not isfinite(value)))
        ):
            raise VeraError(f"{where}: {name} is {shown(value)}, which is no {kinds[-1].__name__}")
        usual = defaults[name].default
        if isinstance(value, list) and isinstance(usual, list | tuple) and usual and type(usual[0]) in _KINDS:
            inner = _KINDS[type(usual[0])]
            if not all(type(entry) in inner for entry in value):
                raise VeraError(f"{where}: {name} is {shown(value)}, no list of which each is {inner[-1].__name__}")


def _argument_types(described: Any) -> dict[str, tuple[type, ...]]:
    """What JSON makes of the arguments of a class: by their defaults or, where these are None, by their hints."""
    hints = get_type_hints(described.__init__)
    types = {}
    for name, argument in inspect.signature(described.__init__).parameters.items():
        hint = hints.get(name)
        usual = type(argument.default)
        known = [usual] if usual in _KINDS else [kind for kind in get_args(hint) or [hint] if kind in _KINDS]
        if known:
            types[name] = tuple(kind for one in known for kind in _KINDS[one])
    return types


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
