"""The fields that a recipe's YAML files hold, before they are given their types."""

import os
from collections import Counter
from operator import itemgetter
from pathlib import Path
from typing import Any

import yaml

from vera.errors import VeraError
from vera.fields import Name, check_plain, check_value
from vera.files import read_text, real_path

RECIPE_LIMIT = 1 << 16  # bytes
MOST_FILES = 64  # that a recipe is read from
KINDS = {"data": "synthetic"}  # what a mapping is of that names no kind


def read_fields(path: Path) -> dict[str, Any]:
    """Read the fields of a recipe and of those that it extends. Parts of a mixture extend the `data` of a recipe.

    VeraError for what is no file, no YAML, no mapping, or more than a person writes by hand.
    """
    return _read(path, (), [])


def recipe_files(path: Path) -> list[Path]:
    """List the files of a recipe: its own and those that it extends. VeraError as `read_fields`."""
    files: list[Path] = []
    _read(path, (), files)
    return files


def _read(path: Path, within: tuple[Path, ...], files: list[Path]) -> dict[str, Any]:
    """Read a recipe's fields, and add to the `files` that were read; `within` are the recipes that extend this one."""
    if real_path(path) in within:
        raise VeraError(f"{path}: extends itself")
    if len(files) == MOST_FILES:
        raise VeraError(f"{files[0]}: extends other recipes {MOST_FILES} times or more; write some of them out")
    if not os.path.lexists(path):
        raise VeraError(f"{path}: no such recipe")
    content = parse_yaml(read_text(path, RECIPE_LIMIT), str(path))
    if not isinstance(content, dict):
        raise VeraError(f"{path}: a recipe is a mapping of fields such as `method: layered_flow`")
    check_plain(content, str(path))
    files.append(path)

    def extended(changes: dict[str, Any], section: str = "") -> dict[str, Any]:
        """`changes` with the fields of what they extend: of a recipe, or of its section."""
        changes = dict(changes)
        base = path.parent / check_value(Name, changes.pop("extends"), f"{path}: extends")
        fields = _read(base, (*within, real_path(path)), files)
        if not section:
            return merge(fields, changes)
        if not isinstance(fields.get(section), dict):
            raise VeraError(f"{path}: extends {base}, which has no {section}")
        return dict(merge(fields, {section: changes})[section])

    def with_parts(data: dict[str, Any]) -> dict[str, Any]:
        """A mixture whose parts have the fields of what they extend; other data as they are."""
        if not isinstance(parts := data.get("parts"), list):
            return data
        whole = [with_parts(part) if isinstance(part, dict) else part for part in parts]
        return data | {
            "parts": [extended(one, "data") if isinstance(one, dict) and "extends" in one else one for one in whole]
        }

    if isinstance(data := content.get("data"), dict):
        content["data"] = with_parts(data)
    return extended(content) if "extends" in content else content


def parse_yaml(text: str, where: str) -> Any:
    """Parse YAML of basic types; VeraError, which begins with `where`, for whatever is wrong with it."""
    try:
        return yaml.load(text, _Loader)
    except Exception as error:  # beside its own errors, whatever Python says of dates and numbers that there are not
        raise VeraError(f"{where}: cannot be read as YAML: {' '.join(str(error).split()):.500}") from None


def merge(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """`base` with `changes`: mappings are merged, everything else is replaced.

    A mapping that names another `kind` is replaced too: the arguments of the old one are not for it.
    """
    merged = dict(base)
    for name, value in changes.items():
        held = base.get(name)
        kind = held.get("kind", KINDS.get(name)) if isinstance(held, dict) else None
        if isinstance(held, dict) and isinstance(value, dict) and value.get("kind") in (None, kind):
            value = merge(held, value)
        merged[name] = value
    return merged


class _Loader(yaml.SafeLoader):
    """YAML without a name that comes twice, and without `<<`, whose copies may grow without bounds."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        name, count = max(Counter(names).items(), key=itemgetter(1), default=("", 0))
        if count > 1:
            raise yaml.YAMLError(f"a mapping has {name!a:.80} twice; keep one")
        if any(key.tag == "tag:yaml.org,2002:merge" for key, _ in node.value):
            raise yaml.YAMLError("a mapping has <<; write its fields out, or use `extends`")
