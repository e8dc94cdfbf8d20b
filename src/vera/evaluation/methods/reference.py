"""Reference baselines: the ground truth, and the edit that changes nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from vera.errors import VeraError
from vera.evaluation.cases.benchmark import ClipCase
from vera.evaluation.methods.method import Edited

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
        """The true composite, or the source. VeraError where the truth is unknown."""
        if self.kind == "empty":
            return Edited(case.source)
        if case.composite is None:
            raise VeraError("the benchmark has no true composite of this case")
        return Edited(case.composite)
