"""What a method is: a case in, a finished clip out."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from vera.evaluation.cases.benchmark import ClipCase


@dataclass(frozen=True)
class Edited:
    """The files of an edit: a clip of the source's size and length, and the folder of its layers where it has any."""

    result: Path
    layers: Path | None = None


class Method(Protocol):
    """Anything that edits cases. It is pickled to the processes that do the work."""

    @property
    def name(self) -> str:
        """What it is called in records, folders and tables."""
        ...

    def check(self) -> None:
        """Raise VeraError, before any work, for what is not there."""
        ...

    def depends(self, case: ClipCase) -> Mapping[str, Any]:
        """Name in JSON values all that an edit depends on, besides the case."""
        ...

    def reads(self) -> list[Path]:
        """Name the files that no output may write over."""
        ...

    def edit(self, case: ClipCase, folder: Path) -> Edited:
        """Edit a case; what is new goes into `folder`, which exists. VeraError says why there is no edit."""
        ...


def folder_name(method: str) -> str:
    """A method's name as that of a folder."""
    return re.sub(r"[^\w.=-]", "_", method)
