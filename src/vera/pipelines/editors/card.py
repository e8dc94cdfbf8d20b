"""What the card in a model folder says of its licence."""

import re
from pathlib import Path

import yaml

from vera.errors import VeraError, brief
from vera.files import read_text


def card_license(folder: Path) -> str | None:
    """The licence that README.md names, None if it names none or cannot be read."""
    if not (folder / "README.md").is_file():
        return None
    try:
        head = re.match(r"\s*---\n(.*?)\n---", read_text(folder / "README.md"), re.DOTALL)
        card = yaml.safe_load(head[1]) if head else None
    except (VeraError, yaml.YAMLError, ValueError, RecursionError):
        return None
    if not isinstance(card, dict):
        return None
    named = card.get("license_name") if card.get("license") == "other" else card.get("license")
    return brief(named).strip("'") if isinstance(named, str) else None
