"""Renders on disk: one compressed file each, and `records.jsonl` to choose by without opening them."""

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vera.arrays import read_arrays
from vera.data.synthesis.render_spec import RenderSpec
from vera.errors import VeraError
from vera.resumable import append_row, read_rows
from vera.whole import whole_file

INDEX = "records.jsonl"
SPEC = "shot"  # the spec's name in the files, as renders that are there already have it


@dataclass(frozen=True)
class RenderRecord:
    """A render and what is known of it. `identity_error` and `identity_worst` are the mean and the largest
    difference between the render and its layers laid over its plate, in 1/255; `seconds` is what it took."""

    spec: RenderSpec
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


def write_record(folder: Path, record: RenderRecord, views: Views) -> None:
    """Add a record: first its file, whole or not at all, then its line. Raises VeraError if the disk refuses."""
    path = record_path(folder, record.spec.index)
    try:
        with whole_file(path) as partial:
            np.savez_compressed(partial, **{field.name: getattr(views, field.name) for field in fields(views)})
        row = asdict(record)
        append_row(folder / INDEX, {SPEC: row.pop("spec"), **row})
    except OSError as error:
        raise VeraError(f"{path}: cannot be written ({error.strerror or error}); free the disk and go on") from None


def read_records(folder: Path) -> list[RenderRecord]:
    """Read the records below `folder`, none if it is empty; a line that a kill cut short is passed over.

    Raises VeraError for a row that is no record.
    """
    rows = read_rows(folder / INDEX, mend=False)
    try:
        return [_record(row) for row in rows]
    except (TypeError, KeyError, AttributeError) as error:
        raise VeraError(
            f"{folder / INDEX}: has a row that is no render ({error}); render into an empty folder"
        ) from None


def read_views(folder: Path, index: int) -> Views:
    """The pictures of record `index`; VeraError where its file is missing or damaged."""
    path = record_path(folder, index)
    try:
        views = Views(**read_arrays(path, [field.name for field in fields(Views)]))
    except VeraError as error:
        raise VeraError(f"{error}: it is not a whole render; render into an empty folder") from None
    colors, grays = views.full.shape, views.full.shape[:-1]
    shapes = [colors[1:], colors, colors, grays, grays, grays, colors]
    held = vars(views).values()
    if len(colors) != 4 or colors[3] != 3 or not all(colors) or [array.shape for array in held] != shapes:
        raise VeraError(f"{path}: its pictures do not belong together; it is not a whole render")
    if any(array.dtype != np.uint8 for array in held):
        raise VeraError(f"{path}: its pictures are not of 8 bits; it is not a whole render")
    return views


def record_path(folder: Path, index: int) -> Path:
    """File of a render."""
    return folder / f"{index:06d}.npz"


def _record(values: dict[str, Any]) -> RenderRecord:
    spec = values.pop(SPEC)
    for name in ("feet", "angles", "key_direction"):
        spec[name] = tuple(spec[name])
    return RenderRecord(spec=RenderSpec(**spec), **values)
