"""What an edit is told, in groups: the part of the clip, the sampling, the outputs."""

import math
from bisect import bisect_left
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import get_args

from vera.choices import Sampler
from vera.errors import VeraError
from vera.pipelines.sampling.checks import check_sampling
from vera.video import Clip

ROUNDING = 0.0005  # seconds by which a time that a user gives may miss its frame


@dataclass(frozen=True)
class Outputs:
    """What an edit writes.

    Args:
        out: the result; `NAME-vera.SUFFIX` beside the source if None.
        layers: folder of the layers; they are not kept if None.
        result: False writes the layers alone.
        master, codec: of the result, as in `choose_codec`.
    """

    out: Path | None = None
    layers: Path | None = None
    result: bool = True
    master: str | None = None
    codec: str | None = None

    def __post_init__(self) -> None:
        if not self.result and (self.layers is None or self.out is not None):
            raise VeraError(
                "without a result an edit is its layers: name a folder for them, and no file for the result"
            )


@dataclass(frozen=True)
class Sampling:
    """How layers are sampled; what is None is the model's own.

    Args:
        seed: of the noise.
        steps, guidance: of the sampling.
        sampler: "euler" or "unipc", with the model's own shift of the timesteps.
        size: width and height at which the model works on the frame, or on each region; by the source's shape and the
            model's training if None.
    """

    seed: int = 0
    steps: int | None = None
    guidance: float | None = None
    sampler: Sampler | None = None
    size: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**63:
            raise VeraError(f"seed must be between 0 and 2**63 - 1, not {self.seed}")
        check_sampling(1 if self.steps is None else self.steps, 1.0 if self.guidance is None else self.guidance)
        if self.sampler is not None and self.sampler not in get_args(Sampler):
            raise VeraError(f"sampler is {' or '.join(get_args(Sampler))}, not {self.sampler!r}")


@dataclass(frozen=True)
class Part:
    """Which frames of a clip are edited: from `start` until before `end`, in seconds from its first frame, and of
    these at most `frames`. None is no limit."""

    start: Fraction | float | None = None
    end: Fraction | float | None = None
    frames: int | None = None

    def __post_init__(self) -> None:
        if self.frames is not None and self.frames < 1:
            raise VeraError(f"frames must be at least 1, not {self.frames}")

    def indices(self, clip: Clip) -> range:
        """Return the indices of the frames. Times as people write them are rounded, to a millisecond say.

        VeraError if there are none.
        """
        length = clip.pts[-1] - clip.pts[0]
        start = 0.0 if self.start is None else float(self.start)
        end = math.inf if self.end is None else float(self.end)
        first, last = (
            bisect_left(clip.pts, clip.pts[0] + (bound - ROUNDING) / float(clip.time_base)) for bound in (start, end)
        )
        chosen = range(first, last if self.frames is None else min(last, first + self.frames))
        if start < 0 or not chosen:
            seconds = float(length * clip.time_base)
            until = "on" if end == math.inf else f"until before {end:g} s"
            raise VeraError(
                f"{clip.path}: no frame lies from {start:g} s {until}; the first is at 0 s, the last at {seconds:g} s"
            )
        return chosen
