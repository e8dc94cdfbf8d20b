"""Clips that are not worth a person's look: still, cut, blurred, blocky, burnt out, or seen before."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, ClassVar, Literal

from vera.construction import embedded
from vera.construction.engine.stage import Done, Facts, Item, Kind, Plain, Rejected
from vera.construction.stages.repeats import NEAR, find_repeats
from vera.fields import Range, Share
from vera.video import read_lossless

Score = Annotated[float, Range(0, 1e9)]


@dataclass(frozen=True)
class Screen(Plain):
    """Score a clip, and refuse what is below or above the limits.

    Args:
        still: least mean length of the flow, of the diagonal. NeMo Curator's 0.00098 is of the camera's motion: a small
            thing that crosses a still picture moves less than that on the average, and is what is wanted here.
        jump: largest mean difference of neighbouring frames: a missed cut is above 0.1, and Open-Sora Plan's limit
            for jumps, 0.3 of LPIPS, is about there.
        sharpness: least variance of the Laplacian.
        blockiness: highest step at the borders of codecs' blocks over that elsewhere.
        clipped: largest share of nearly black or white pixels.
    """

    name: ClassVar[str] = "screen"
    kind: ClassVar[Kind] = "clip"
    needs: ClassVar[tuple[str, ...]] = ("proxy",)
    still: Score = 0.0002
    jump: Share = 0.1
    sharpness: Score = 10.0
    blockiness: Score = 2.0
    clipped: Share = 0.5

    def run(self, item: Item) -> Done | Rejected:
        """Facts: the scores; hashes as texts of 16 hexadecimal digits."""
        scores = embedded.screen(read_lossless(item.files["frames.mkv"]))
        facts = {**asdict(scores), "hashes": [f"{value:016x}" for value in scores.hashes]}
        limits = {
            "still": (scores.motion < self.still, f"motion {scores.motion:.5f} is below {self.still:g}"),
            "jumpy": (scores.jump > self.jump, f"a jump of {scores.jump:.3f} is above {self.jump:g}"),
            "blurred": (scores.sharpness < self.sharpness, f"{scores.sharpness:.1f} is below {self.sharpness:g}"),
            "blocky": (scores.blockiness > self.blockiness, f"{scores.blockiness:.2f} is above {self.blockiness:g}"),
            "clipped": (scores.clipped > self.clipped, f"{scores.clipped:.2f} is above {self.clipped:g}"),
        }
        for reason, (over, detail) in limits.items():
            if over:
                return Rejected(reason, detail, facts)
        return Done(facts)


@dataclass(frozen=True)
class Unique(Plain):
    """Refuse clips that repeat others; of near repeats the one that was kept before stays, or else the first by id."""

    name: ClassVar[str] = "unique"
    kind: ClassVar[Kind] = "clip"
    needs: ClassVar[tuple[str, ...]] = ("screen",)
    waits: ClassVar[Literal["", "people", "all"]] = "all"
    near: Annotated[int, Range(0, NEAR)] = NEAR

    def compare(self, facts: Mapping[str, Mapping[str, Facts]], kept: set[str]) -> Mapping[str, Facts]:
        """Which clip each one repeats, or None."""
        hashes = {clip: [int(value, 16) for value in held["screen"]["hashes"]] for clip, held in facts.items()}
        return {clip: {"repeats": other} for clip, other in find_repeats(hashes, kept, self.near).items()}

    def run(self, item: Item) -> Done | Rejected:
        """Facts: none."""
        assert item.decision is not None
        other = item.decision["repeats"]
        return Done() if other is None else Rejected("repeat", f"repeats clip {other}")
