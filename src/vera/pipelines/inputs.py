"""Files that an edit or an evaluation reads, so that its outputs spare them."""

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from vera.files import check_outputs, files_below
from vera.layers import layer_files
from vera.layers.masks import mask_files
from vera.presets import LORAS, TRAINED
from vera.video.sequence import source_files, written_path


def model_files(model: str | Path, lora: Iterable[str | Path] = ()) -> list[Path]:
    """List the files of a model and of LoRAs, each perhaps with a scale, that lie on disk; what ships is not listed."""
    names = [str(model)] * (str(model) not in TRAINED) + [str(name) for name in lora if name not in LORAS]
    names += [re.sub(":[^:/]*$", "", name) for name in names]
    return [file for name in dict.fromkeys(names) if name for file in files_below(Path(name))]


def check_edit_outputs(
    source: Path,
    out: str | Path | None,
    layers: str | Path | None,
    *,
    sheet: Path | None = None,
    mask: str | Path | None = None,
    lut: str | Path | None = None,
    model: str | Path = "nano",
    lora: Sequence[str | Path] = (),
) -> None:
    """Raise VeraError if what an edit writes would touch what it reads, or if two of its outputs are one."""
    given = [Path(path) for path in (lut, os.environ.get("OCIO")) if path]
    masks = () if mask is None else mask_files(Path(mask))
    check_outputs(
        [*source_files(source), *masks, *given, *model_files(model, lora)],
        [None if out is None else written_path(out), *layer_files(layers), sheet],
    )
