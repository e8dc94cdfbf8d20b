"""The manifest of a layer folder: written whole, and checked value by value before anything of it is believed."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

from vera.errors import VeraError, brief
from vera.files import FRAMES_LIMIT, read_json

FORMAT = 1
MANIFEST = "manifest.json"
LONGEST_NAME = 1024  # characters of the source's name
_LARGEST = 2**63  # of whole numbers: what times and sizes are everywhere else


@dataclass(frozen=True)
class Manifest:
    """What a manifest says: width and height of the layers, their times in units of `time_base`, and all the rest."""

    size: tuple[int, int]
    pts: tuple[int, ...]
    time_base: Fraction
    metadata: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values, in the order of the file."""
        return {
            "format": FORMAT,
            "width": self.size[0],
            "height": self.size[1],
            "edit": "edit.mkv: straight (not premultiplied) R'G'B' in the source's colour space",
            "alpha": "alpha.mkv: linear coverage, 65535 is 1; 0 leaves the source untouched",
            "time_base": str(self.time_base),
            "pts": list(self.pts),
            "metadata": dict(self.metadata),
        }


def is_manifest(path: Path) -> bool:
    """Tell whether a file is the manifest of layers, of any format; a `manifest.json` alone also marks a web app."""
    try:
        found = read_json(path, FRAMES_LIMIT)
    except VeraError:
        return False
    return isinstance(found, dict) and {"format", "pts", "time_base", "metadata"} <= found.keys()


def read_manifest(path: Path) -> Manifest:
    """Read and check a manifest. Raises VeraError, which names the file and the field, for whatever is wrong."""
    found = read_json(path, FRAMES_LIMIT)
    if not isinstance(found, dict) or not {"format", "pts", "time_base", "metadata"} <= found.keys():
        raise VeraError(f"{path}: cannot be read as the manifest of a layer folder")
    if type(found["format"]) is not int or found["format"] != FORMAT:
        raise VeraError(
            f"{path}: is of format {brief(found['format'])}, this version of Vera reads {FORMAT}; update Vera"
        )

    def check(right: bool, field: str, value: object, wanted: str) -> None:
        if not right:
            raise VeraError(f"{path}: `{field}` is {brief(value)}, not {wanted}; is it damaged, or written by hand?")

    values: dict[str, Any] = {"width": None, "height": None, **found}
    width, height, pts, time_base = (values[name] for name in ("width", "height", "pts", "time_base"))
    for name, side in (("width", width), ("height", height)):
        check(_is_whole(side, 1), name, side, "a number of pixels")
    check(isinstance(pts, list) and len(pts) > 0, "pts", pts, "a list of times")
    check(all(_is_whole(time, -_LARGEST) for time in pts), "pts", pts, "whole numbers of 64 bits")
    check(all(one < other for one, other in pairwise(pts)), "pts", pts, "rising")
    match = re.fullmatch(r"([0-9]{1,12})(?:/([0-9]{1,12}))?", time_base) if isinstance(time_base, str) else None
    check(match is not None and int(match[1]) > 0 and int(match[2] or 1) > 0, "time_base", time_base, "as 1/25")
    _check_metadata(found["metadata"], check)
    return Manifest((width, height), tuple(pts), Fraction(time_base), found["metadata"])


def _check_metadata(metadata: Any, check: Any) -> None:
    """Plain values, and the source's record as it is compared and shown."""
    check(isinstance(metadata, dict), "metadata", metadata, "an object")
    waiting: list[Any] = [metadata]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict | list):
            waiting += value.values() if isinstance(value, dict) else value
        elif isinstance(value, float):
            check(math.isfinite(value), "metadata", value, "finite numbers")
        elif isinstance(value, int):
            check(-_LARGEST <= value < 2 * _LARGEST, "metadata", value, "numbers of 64 bits")
    source = metadata.get("source")
    if source is None:
        return
    check(isinstance(source, dict), "metadata.source", source, "an object")
    for name in ("frames", "bytes"):
        check(_is_whole(source.get(name, 0), 0), f"metadata.source.{name}", source.get(name), "a count")
    for name in ("name", "sha256"):
        value = source.get(name, "")
        check(isinstance(value, str) and len(value) <= LONGEST_NAME, f"metadata.source.{name}", value, "a short text")


def _is_whole(value: object, least: int) -> bool:
    return type(value) is int and least <= value < _LARGEST
