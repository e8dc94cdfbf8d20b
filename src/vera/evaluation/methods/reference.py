"""Reference baselines: the ground truth, and the edit that changes nothing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from vera.errors import VeraError
from vera.evaluation.cases.benchmark import ClipCase
from vera.evaluation.cases.views import read_alike, read_grey
from vera.evaluation.methods.method import Edited
from vera.layers import LayerFrame, write_layers
from vera.video import Clip, open_clip

Reference = Literal["truth", "empty"]
REFERENCES = get_args(Reference)


@dataclass(frozen=True)
class ReferenceMethod:
    """`truth`, the best that a measure can show, or `empty`, the source as it is: what no work at all gives."""

    kind: Reference
    name: str

    def check(self) -> None:
        """Nothing can be missing."""

    def depends(self, case: ClipCase) -> Mapping[str, Any]:
        """On nothing but the case."""
        return {"reference": self.kind}

    def reads(self) -> list[Path]:
        """No files but the case's."""
        return []

    def edit(self, case: ClipCase, folder: Path) -> Edited:
        """The true composite, or the source, and layers of either. VeraError where the truth is unknown or unlike."""
        clip = open_clip(case.source)
        layers = folder / "layers"
        if self.kind == "empty":
            width, height = clip.display_size
            grey, nothing = np.full((height, width, 3), 128, np.uint8), np.zeros((height, width), np.uint16)
            _save(clip, (LayerFrame(grey, nothing) for _ in clip.pts), layers)
            return Edited(case.source, layers)
        if case.composite is None:
            raise VeraError("the benchmark has no true composite of this case")
        if case.edit is None or case.alpha is None:
            return Edited(case.composite)
        alphas = (alpha * np.uint16(257) for alpha in read_grey(case.alpha, clip))
        _save(clip, map(LayerFrame, read_alike(case.edit, clip), alphas), layers)
        return Edited(case.composite, layers)


def _save(clip: Clip, frames: Iterable[LayerFrame], layers: Path) -> None:
    write_layers(layers, frames, clip.pts, clip.time_base, {})
