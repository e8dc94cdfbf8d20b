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


def read_fields(path: Path, within: tuple[Path, ...] = ()) -> dict[str, Any]:
    """Read the fields of a recipe and of those that it extends; `within` are the recipes that extend this one.

    VeraError for what is no file, no YAML, no mapping, or more than a person writes by hand.
    """
    if real_path(path) in within:
        raise VeraError(f"{path}: extends itself")
    if not os.path.lexists(path):
        raise VeraError(f"{path}: no such recipe")
    content = parse_yaml(read_text(path, RECIPE_LIMIT), str(path))
    if not isinstance(content, dict):
        raise VeraError(f"{path}: a recipe is a mapping of fields such as `method: layered_flow`")
    check_plain(content, str(path))
    if "extends" not in content:
        return content
    base = check_value(Name, content.pop("extends"), f"{path}: extends")
    return merge(read_fields(path.parent / base, (*within, real_path(path))), content)


def recipe_files(path: Path) -> list[Path]:
    """List the files of a recipe that `read_fields` has read: its own and those that it extends."""
    files = [path]
    while base := yaml.load(read_text(files[-1]), _Loader).get("extends"):
        files.append(files[-1].parent / str(base))
    return files


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
        if isinstance(held, dict) and isinstance(value, dict) and value.get("kind") in (None, held.get("kind")):
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
