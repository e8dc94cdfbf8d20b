"""Values that a stranger wrote (YAML, JSON), as type hints with ranges want them; errors name the field."""

import dataclasses
import math
import re
import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from vera.errors import VeraError

CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
DEPTH, NODES = 32, 100_000  # of what a person writes by hand


@dataclass(frozen=True)
class Range:
    """Bounds of a number, or of a text's or list's length: both belong to the range, the lower one not if `above`."""

    least: float
    most: float
    above: bool = False

    def holds(self, value: Any) -> bool:
        """Whether a number, or the length of a text or list, is in the range."""
        size = value if isinstance(value, int | float) else len(value)
        return (size > self.least or (size == self.least and not self.above)) and size <= self.most

    def __str__(self) -> str:
        return f"{'above' if self.above else 'at least'} {_short(self.least)} and at most {_short(self.most)}"


Seed = Annotated[int, Range(0, (1 << 32) - 1)]
Share = Annotated[float, Range(0, 1)]
Part = Annotated[float, Range(0, 1e9, above=True)]  # of a mixture
Name = Annotated[str, Range(1, 4096)]


def check_counts(**counts: int | None) -> None:
    """Raise VeraError unless each number of things is at least 1, or None."""
    for name, count in counts.items():
        if count is not None and count < 1:
            raise VeraError(f"{name} must be at least 1, not {count}")


def check_plain(value: Any, where: str) -> None:
    """Raise VeraError unless `value` is made of mappings, lists, texts without control characters and finite numbers.

    Control characters in a path end up as lines of a job's script, or move a terminal's cursor.
    """
    waiting, seen = [(value, where, 0)], 0
    while waiting:
        value, where, depth = waiting.pop()
        seen += 1
        if depth > DEPTH or seen > NODES:
            raise VeraError(f"{where:.200}: is nested too deep or too large to be written by hand")
        if isinstance(value, dict):
            waiting += [(item, f"{where}: {_name(key, where)}", depth + 1) for key, item in value.items()]
        elif isinstance(value, list):
            waiting += [(item, f"{where}: {index}", depth + 1) for index, item in enumerate(value)]
        elif isinstance(value, str):
            if CONTROL.search(value):
                raise VeraError(f"{where}: has a control character in {value!a:.80}; take it out")
        elif isinstance(value, int | float):  # bool is an int
            if not math.isfinite(value) if isinstance(value, float) else abs(value) > 1 << 53:
                raise VeraError(f"{where}: is a finite number, not {_short(value)}")
        elif value is not None:
            raise VeraError(f"{where}: is a {type(value).__name__}; put it in quotes if a text is meant")


def build(cls: type, values: Mapping[Any, Any], where: str, sections: Mapping[str, type] | None = None) -> Any:
    """An instance of dataclass `cls`, or VeraError; `sections` gives the class of fields whose type others decide."""
    hints = get_type_hints(cls, include_extras=True) | dict(sections or {})
    required = [
        f.name
        for f in dataclasses.fields(cls)
        if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    ]
    return cls(**check_fields(hints, required, values, where))


def check_fields(
    hints: Mapping[str, Any], required: Sequence[str], values: Mapping[Any, Any], where: str
) -> dict[str, Any]:
    """`values` as `hints` want them; VeraError for a name that there is not, one that is missing, or a wrong value."""
    _check_known(hints, values, where)
    missing = [name for name in required if name not in values]
    if missing:
        raise VeraError(f"{where}: missing {', '.join(missing)}")
    return {name: check_value(hints[name], value, f"{where}: {name}") for name, value in values.items()}


def check_value(hint: Any, value: Any, where: str) -> Any:
    """`value` as `hint` wants it: lists become tuples, whole numbers and texts such as 1e-3 floats. Or VeraError."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        value = check_value(arguments[0], value, where)
        for bound in arguments[1:]:
            if value is not None and not bound.holds(value):
                what = "is" if isinstance(value, int | float) else "has a length"
                raise VeraError(f"{where}: {what} {bound}, not {_short(value)}")
        return value
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        if not isinstance(value, dict):
            raise VeraError(f"{where}: is a mapping of fields, not {_short(value)}")
        return build(hint, value, where)
    if hint is Any:
        return value
    if origin is Literal:
        if not any(value == known and type(value) is type(known) for known in arguments):
            raise VeraError(f"{where}: is one of {', '.join(map(str, arguments))}, not {_short(value)}")
        return value
    if origin in (Union, types.UnionType):  # only `X | None` occurs
        return None if value is None else check_value(arguments[0], value, where)
    if origin in (tuple, list, Sequence):
        return _check_list(origin, arguments, value, where)
    if origin in (dict, Mapping):
        if not isinstance(value, dict):
            raise VeraError(f"{where}: is a mapping, not {_short(value)}")
        return {
            check_value(arguments[0], key, f"{where}: a name"): check_value(arguments[1], item, f"{where}: {key}")
            for key, item in value.items()
        }
    if hint is float and isinstance(value, int | float | str) and not isinstance(value, bool):
        try:
            number = float(value)  # YAML reads 1e-3 as text
        except (ValueError, OverflowError):
            number = math.nan
        if math.isfinite(number):
            return number
    elif isinstance(value, hint) and not (hint is int and isinstance(value, bool)):
        return value
    shown = repr(value) if isinstance(value, float) else _short(value)  # 3.0 is no whole number
    raise VeraError(f"{where}: is {hint.__name__}, not {shown}")


def hint_within(hint: Any, name: Any, where: str) -> Any:
    """Return the hint of field `name` of a mapping of hints, a dataclass or a dict; VeraError if there is none."""
    hint = bare(hint)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        hint = get_type_hints(hint, include_extras=True)
    if isinstance(hint, Mapping):
        _check_known(hint, (name,), where)
        return hint[name]
    if hint is Any:
        return Any
    if get_origin(hint) not in (dict, Mapping):
        raise VeraError(f"{where}: there is no {_short(name)} in what is no mapping; give the value whole")
    key, item = get_args(hint)
    check_value(key, name, f"{where}: a name")
    return item


def has_fields(hint: Any) -> bool:
    """Whether what `hint` describes is written as a mapping."""
    hint = bare(hint)
    return dataclasses.is_dataclass(hint) or get_origin(hint) in (dict, Mapping)


def bare(hint: Any) -> Any:
    """A hint without its ranges and without `| None`."""
    while get_origin(hint) in (Annotated, Union, types.UnionType):
        hint = get_args(hint)[0]
    return hint


def is_optional(hint: Any) -> bool:
    """Whether None is a value of `X | None`."""
    return type(None) in get_args(hint)


def _check_known(hints: Mapping[str, Any], names: Iterable[Any], where: str) -> None:
    unknown = [str(name) for name in names if name not in hints]
    if unknown:
        raise VeraError(f"{where}: unknown field {', '.join(unknown):.200}; there are {', '.join(hints)}")


def _check_list(origin: Any, arguments: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    free = origin in (list, Sequence) or arguments[1:] == (...,)
    if free and isinstance(value, list):
        arguments = arguments[:1] * len(value)
    if not isinstance(value, list) or len(value) != len(arguments):
        raise VeraError(f"{where}: is a list{'' if free else f' of {len(arguments)}'}, not {_short(value)}")
    return tuple(
        check_value(kind, item, f"{where}: {index}")
        for index, (kind, item) in enumerate(zip(arguments, value, strict=True))
    )


def _name(key: Any, where: str) -> str:
    if not isinstance(key, str | int | float):
        raise VeraError(f"{where}: has a name that is a {type(key).__name__}; names are words or numbers")
    check_plain(key, f"{where}: a name")
    return str(key)


def _short(value: Any) -> str:
    """A value in a line of an error; whole numbers of thousands of digits cannot even be written."""
    if isinstance(value, int) and abs(value) > 1 << 53:
        return "a number beyond all use"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return f"{int(value)}"
    text = ascii(value) if isinstance(value, str) and CONTROL.search(value) else repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
