"""Fields of a recipe that a command line changes: named as in the file, with dots, such as `objective.shift`."""

from collections.abc import Mapping
from typing import Any

from vera.errors import VeraError
from vera.fields import bare, check_plain, check_value, has_fields, hint_within, is_optional
from vera.training.recipe_file import parse_yaml

Overrides = Mapping[str, Any]  # values by dotted name; texts are read by the field's type, as on the command line


def read_overrides(overrides: Overrides, hints: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a file with only these fields would hold, of a recipe with fields of `hints`.

    VeraError names the override that is of no field, of a wrong kind, out of range, or part of what another one sets.
    """
    changes: dict[str, Any] = {}
    for name in sorted(overrides, key=lambda name: name.count(".")):  # `lora` before `lora.rank`
        check_plain({name: None}, "an override")
        where, (*above, last) = f"--{name:.200}", name.split(".")
        hint: Any = hints
        for part in (*above, last):
            hint = hint_within(hint, part, where)
        value = _read_value(hint, overrides[name], where)
        check_plain(value, where)
        _check(hint, value, where)
        _put(changes, above, last, value, where)
    check_plain(changes, "overrides")  # of dots, too, there may be too many
    return changes


def _read_value(hint: Any, value: Any, where: str) -> Any:
    """A text as YAML; if the field is a text, as it stands, and None for `null` where None may be."""
    if not isinstance(value, str):
        return value
    if bare(hint) is str:
        return None if value == "null" and is_optional(hint) else value
    return parse_yaml(value, where)


def _check(hint: Any, value: Any, where: str) -> None:
    """VeraError unless `hint` takes the value; a mapping may lack fields, which the recipe has."""
    if isinstance(value, dict) and has_fields(hint):
        for name, item in value.items():
            _check(hint_within(hint, name, where), item, f"{where}.{name}")
    else:
        check_value(hint, value, where)


def _put(changes: dict[str, Any], above: list[str], last: str, value: Any, where: str) -> None:
    for part in above:
        changes = changes.setdefault(part, {})
        if not isinstance(changes, dict):
            raise VeraError(f"{where}: is part of what another override sets; give one of them")
    changes[last] = value
