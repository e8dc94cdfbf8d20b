"""An edit beside its case and the ground truth: what metrics take their arrays from."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from vera.arrays import Frames
from vera.evaluation.cases.case import Case
from vera.evaluation.cases.frames import CaseFrames, Region
from vera.evaluation.predictions.hits import Galleries, object_hits, scene_hits
from vera.evaluation.predictions.networks import Networks
from vera.evaluation.predictions.prediction import Prediction
from vera.metrics.objects import Alpha, to_alpha
from vera.metrics.shadow import darkening

CASTS = 0.02  # of its light: what the ground loses where the truth has a shadow worth asking for

Need = Literal["layers", "network", "truth", "composite", "preserved", "galleries", "files", "caption", "place"]


@dataclass(frozen=True)
class Measured:
    """An edit beside its case; what several metrics need is worked out once.

    Args:
        case, frames: what was asked, and what the edit is measured against.
        found: the edit.
        galleries: by which things and places are recognised; None where no metric asks for it.
        networks: of learned metrics.
        files: the clips of result and source, where they are on disk.
    """

    case: Case
    frames: CaseFrames
    found: Prediction
    galleries: Galleries | None = None
    networks: Networks = field(default_factory=Networks)
    files: tuple[Path, Path] | None = None

    def lacks(self, need: Need) -> str | None:
        """Say why a metric of this need has no value; None if it can have one."""
        missing, reason = _NEEDS[need]
        return reason if missing(self) else None

    @property
    def source(self) -> Frames:
        """The source."""
        return self.frames.source

    @property
    def result(self) -> Frames:
        """The finished edit."""
        return self.found.result

    @property
    def preserved(self) -> Region:
        """What the edit must leave as it is; needs `preserved`."""
        assert self.frames.preserved is not None
        return self.frames.preserved

    @property
    def edit(self) -> Frames:
        """The edit layer; needs `layers`."""
        assert self.found.edit is not None
        return self.found.edit

    @property
    def alpha(self) -> Alpha:
        """The edit's matte; needs `layers`."""
        assert self.found.alpha is not None
        return self.found.alpha

    @property
    def composite(self) -> Frames:
        """The network's own composite; needs `network`."""
        assert self.found.composite is not None
        return self.found.composite

    @cached_property
    def true_alpha(self) -> Alpha:
        """The true matte, float32 `[T,H,W]`; needs `truth`."""
        assert self.frames.alpha is not None
        return to_alpha(self.frames.alpha)

    @property
    def true_composite(self) -> Frames:
        """The true result; needs `composite`."""
        assert self.frames.composite is not None
        return self.frames.composite

    @cached_property
    def hits(self) -> dict[str, float | None]:
        """Whether the thing or the place that was asked for is recognised; needs `galleries` and `layers`."""
        assert self.galleries is not None
        found: dict[str, float | None] = {}
        if self.case.noun is not None:
            found |= object_hits(self.case.noun, self.edit, self.alpha, self.galleries)
        if self.case.scene is not None:
            found |= scene_hits(self.case.scene, self.edit, self.alpha, self.galleries)
        return found

    @cached_property
    def darkened(self) -> tuple[float, float] | None:
        """How much the ground loses in the truth and in the edit; None where the truth casts no shadow."""
        wanted = darkening(self.source, self.true_composite, self.true_alpha)
        if wanted is None or wanted < CASTS:
            return None
        return wanted, darkening(self.source, self.result, self.alpha) or 0.0


_NEEDS: dict[Need, tuple[Callable[[Measured], bool], str]] = {
    "layers": (lambda m: m.found.alpha is None, "the method gives a finished clip, no layers"),
    "network": (lambda m: m.found.composite is None, "the method gives no composite of its network's own"),
    "truth": (lambda m: m.frames.alpha is None, "the case has no true alpha"),
    "composite": (lambda m: m.frames.composite is None, "the case has no true composite"),
    "preserved": (lambda m: m.frames.preserved is None, "the case has neither a true alpha nor a mask"),
    "galleries": (lambda m: m.galleries is None, "nothing to recognise things by was opened"),
    "files": (lambda m: m.files is None, "it is measured of files, and the edit is none"),
    "caption": (lambda m: m.case.caption is None, "the case has no caption of the finished edit"),
    "place": (lambda m: m.case.place is None, "the case names no place"),
}
