"""Rendered shots on disk: one compressed file each, and `records.jsonl` to choose by without opening them."""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vera.data.lines import whole_lines
from vera.data.synthesis.rendering.shot import Shot
from vera.errors import VeraError

INDEX = "records.jsonl"


@dataclass(frozen=True)
class Record:
    """A rendered shot with what is known of it. `identity_error` and `identity_worst` are the mean and the largest
    difference between the render and its layers laid over its plate, in 1/255; `seconds` is what it took."""

    shot: Shot
    creator: str
    licence: str
    samples: int
    identity_error: float
    identity_worst: float
    seconds: float


@dataclass(frozen=True)
class Views:
    """The pictures of a record, uint8, `V` views of one model before one plate.

    `plate` `[H,W,3]`; `full` (with the object) and `edit` `[V,H,W,3]`, `alpha` (object and all it does) `[V,H,W]`;
    `coverage` (the object alone) and `shadow` (light it keeps from the ground) `[V,H,W]`; `reflection` `[V,H,W,3]`
    (what the floor mirrors of it, on black).
    """

    plate: NDArray[np.uint8]
    full: NDArray[np.uint8]
    edit: NDArray[np.uint8]
    alpha: NDArray[np.uint8]
    coverage: NDArray[np.uint8]
    shadow: NDArray[np.uint8]
    reflection: NDArray[np.uint8]


def write_record(folder: Path, record: Record, views: Views) -> None:
    """Add a record: first its file, whole or not at all, then its line."""
    path = record_path(folder, record.shot.index)
    part = path.with_suffix(".part.npz")
    np.savez_compressed(part, **{field.name: getattr(views, field.name) for field in fields(views)})
    part.rename(path)
    with (folder / INDEX).open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(asdict(record)) + "\n")


def read_records(folder: Path) -> list[Record]:
    """The records below `folder`, none if it is empty; a line that a kill cut short is passed over."""
    return [_record(json.loads(line)) for line in whole_lines(folder / INDEX, mend=False)]


def read_views(folder: Path, index: int) -> Views:
    """The pictures of record `index`; VeraError where its file is missing or damaged."""
    path = record_path(folder, index)
    try:
        with np.load(path) as arrays:
            return Views(**{field.name: arrays[field.name] for field in fields(Views)})
    except (OSError, ValueError, KeyError) as error:
        raise VeraError(f"{path}: not a whole render ({error}): render into an empty folder") from None


def record_path(folder: Path, index: int) -> Path:
    return folder / f"{index:06d}.npz"


def _record(values: dict[str, Any]) -> Record:
    shot = values.pop("shot")
    for name in ("feet", "angles", "key_direction"):
        shot[name] = tuple(shot[name])
    return Record(Shot(**shot), **values)
