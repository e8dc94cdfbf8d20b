"""Anybody's edits: a folder of videos, named as the cases are."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from vera.errors import VeraError
from vera.evaluation.cases.benchmark import ClipCase
from vera.evaluation.methods.fit import fit_clip
from vera.evaluation.methods.matching import Matches, match_cases
from vera.evaluation.methods.method import Edited
from vera.files import files_below
from vera.fingerprints import path_fingerprint
from vera.video import open_clip

RULE = 2  # of matching and fitting: another number makes records anew


@dataclass(frozen=True)
class FolderMethod:
    """The videos in `folder`, matched by `match_cases` with the names of all cases and fitted by `fit_clip`."""

    name: str
    folder: Path
    cases: tuple[str, ...]

    @property
    def matches(self) -> Matches:
        """Which clip is whose."""
        return _match(self.folder, self.cases)

    def check(self) -> None:
        """As `match_cases`."""
        _match.cache_clear()  # the folder may have changed since
        _match(self.folder, self.cases)

    def depends(self, case: ClipCase) -> Mapping[str, Any]:
        """On the clip's bytes, or on why there is none."""
        match = self.matches.found.get(case.id)
        if match is None:
            return {"rule": RULE, "refused": self.matches.refused[case.id]}
        layers = None if match.layers is None else path_fingerprint(match.layers)
        return {"rule": RULE, "clip": path_fingerprint(match.clip), "layers": layers}

    def reads(self) -> list[Path]:
        """Name all files of the folder."""
        return files_below(self.folder)

    def edit(self, case: ClipCase, folder: Path) -> Edited:
        """Fit the clip of a case. VeraError where there is none, or it is refused."""
        match = self.matches.found.get(case.id)
        if match is None:
            raise VeraError(self.matches.refused[case.id])
        return Edited(fit_clip(match.clip, open_clip(case.source), folder / "result.mkv"), match.layers)


@lru_cache(maxsize=32)
def _match(folder: Path, cases: tuple[str, ...]) -> Matches:
    return match_cases(folder, cases)
