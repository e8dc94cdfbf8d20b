"""What is to be lifted out of a clip: proposals, what people chose, and its masks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.construction import embedded
from vera.construction.adapters.segmenter import SegmenterNetwork, load_segmenter, with_box
from vera.construction.engine.stage import Done, Item, Kind, Plain, Rejected
from vera.construction.stages.following import Proposed, follow_object, proposed
from vera.construction.stages.networked import Networked
from vera.data.released.writer import FRAME_RATE
from vera.fields import Range, Share
from vera.video import read_lossless, write_lossless

Mask = NDArray[np.bool_]
NO_PROMPTS = embedded.Prompts()
UNNAMED = "moving object"  # what nobody has named


@dataclass(frozen=True)
class Propose(Networked[SegmenterNetwork]):
    """Find up to `most` things that cross the background: `proposals.mkv` has a mask of each in one frame, which the
    `network` draws anew where there is one."""

    name: ClassVar[str] = "propose"
    version: ClassVar[int] = 2
    kind: ClassVar[Kind] = "clip"
    needs: ClassVar[tuple[str, ...]] = ("proxy", "unique")
    most: Annotated[int, Range(1, 100)] = 5
    network: SegmenterNetwork | None = None

    def run(self, item: Item) -> Done | Rejected:
        """Facts: proposals, each with its score, the frame of its mask, and boxes, [frame, x, y, width, height], of
        where else it was seen; none is no reason to refuse a clip."""
        frames = read_lossless(item.files["frames.mkv"])
        found = embedded.propose_objects(frames, most=self.most)
        if found:
            masks = np.stack([self._drawn(frames[proposal.frame], proposal.mask) for proposal in found])
            write_lossless(item.out / "proposals.mkv", masks.astype(np.uint8) * np.uint8(255), FRAME_RATE)
        boxes = [[[t, *box] for t, box in one.boxes.items()] for one in found]
        told = [{"score": one.score, "frame": one.frame, "boxes": held} for one, held in zip(found, boxes, strict=True)]
        return Done({"proposals": told})

    def setup(self) -> None:
        """Load the network, if there is one."""
        if self.network is not None:
            load_segmenter(self.network)

    def _drawn(self, frame: NDArray[np.uint8], mask: Mask) -> Mask:
        return mask if self.network is None else load_segmenter(self.network).mask(frame, with_box(NO_PROMPTS, mask))


@dataclass(frozen=True)
class Annotate(Plain):
    """Take what a person chose; unattended the best proposals, up to `most` that score at least `score`.

    At `score` 0.6 a thing is whole in most of the frames; one that only passes by the edge is not.
    """

    name: ClassVar[str] = "annotate"
    kind: ClassVar[Kind] = "clip"
    needs: ClassVar[tuple[str, ...]] = ("propose", "triage")
    waits: ClassVar[Literal["", "people", "all"]] = "people"
    most: Annotated[int, Range(1, 100)] = 1
    score: Share = 0.6

    def run(self, item: Item) -> Done | Rejected:
        """Facts: objects as `vera.construction.decisions.Chosen`, each with `by`, who chose it."""
        assert item.decision is not None
        by = item.decision["by"]
        if item.decision.get("unusable"):
            return Rejected("unusable", f"{by}: {item.decision['unusable']}")
        proposals = item.facts["propose"]["proposals"]
        objects = item.decision.get("objects")
        if objects is None:
            good = [number for number, one in enumerate(proposals) if one["score"] >= self.score][: self.most]
            objects = [{"noun": UNNAMED, "proposal": number, "moving": True} for number in good]
        if not objects:
            return Rejected("nothing found", f"no proposal scores {self.score:g}")
        for chosen in objects:
            if chosen.get("proposal") is not None and chosen["proposal"] >= len(proposals):
                return Rejected("unusable", f"there is no proposal {chosen['proposal']}")
        return Done({"objects": [{**chosen, "by": by} for chosen in objects]})


@dataclass(frozen=True)
class Masks(Networked[SegmenterNetwork]):
    """Carry what was chosen through the clip, and refuse objects that a sample cannot show: `masks.mkv`.

    Args:
        area: least and largest part of the frame, mean of the frames in which it is seen.
        inside: least share of the frames in which it is seen that show it wholly.
        seen: least share of the frames that show it.
        whole: least share of its area in one piece.
        network: what follows the object, in the place of colours and motion.
    """

    name: ClassVar[str] = "masks"
    kind: ClassVar[Kind] = "object"
    needs: ClassVar[tuple[str, ...]] = ("proxy", "propose", "annotate")
    area: tuple[Share, Share] = (0.005, 0.4)
    inside: Share = 0.8
    seen: Share = 0.8
    whole: Share = 0.9
    network: SegmenterNetwork | None = None

    def setup(self) -> None:
        """Load the network, if there is one."""
        if self.network is not None:
            load_segmenter(self.network)

    def run(self, item: Item) -> Done | Rejected:
        """Facts: those of `measure`."""
        frames = read_lossless(item.files["frames.mkv"])
        chosen = chosen_object(item)
        masks = follow_object(frames, chosen, _proposed(item, chosen), self.network)
        facts = measure(masks)
        limits = {
            "too small": facts["area"] < self.area[0],
            "too large": facts["area"] > self.area[1],
            "seldom seen": facts["seen"] < self.seen,
            "cut off": facts["inside"] < self.inside,
            "in pieces": facts["whole"] < self.whole,
        }
        for reason, over in limits.items():
            if over:
                return Rejected(reason, ", ".join(f"{name} {facts[name]:.3f}" for name in DETAIL), facts)
        write_lossless(item.out / "masks.mkv", masks.astype(np.uint8) * np.uint8(255), FRAME_RATE)
        return Done(facts)


DETAIL = ("area", "seen", "inside", "whole")


def chosen_object(item: Item) -> Mapping[str, Any]:
    """What was chosen as the item's object."""
    chosen: Mapping[str, Any] = item.facts["annotate"]["objects"][int(item.object[1:]) - 1]
    return chosen


def _proposed(item: Item, chosen: Mapping[str, Any]) -> Proposed:
    """What is known of the proposal that was taken."""
    if (number := chosen.get("proposal")) is None:
        return Proposed()
    return proposed(item.facts["propose"]["proposals"][number], read_lossless(item.files["proposals.mkv"])[number] > 0)


def measure(masks: Mask) -> dict[str, Any]:
    """What masks `[T,H,W]` say of their object: its area, how often it is seen, wholly, in one piece; the mean place of
    its middle and its way from first to last, in parts of the frame's width and height."""
    height, width = masks.shape[1:]
    shown = [mask for mask in masks if mask.any()]
    if not shown:
        return {"area": 0.0, "seen": 0.0, "inside": 0.0, "whole": 0.0, "place": [0.5, 0.5], "way": [0.0, 0.0]}
    centres = np.array([np.argwhere(mask).mean(0)[::-1] for mask in shown]) / (width, height)
    inside = [not (mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any()) for mask in shown]
    return {
        "area": float(np.mean([mask.mean() for mask in shown])),
        "seen": len(shown) / len(masks),
        "inside": float(np.mean(inside)),
        "whole": float(np.mean([_largest(mask) for mask in shown])),
        "place": centres.mean(0).tolist(),
        "way": (centres[-1] - centres[0]).tolist(),
    }


def _largest(mask: Mask) -> float:
    """The share of a mask's area in its largest part."""
    areas = cv2.connectedComponentsWithStats(mask.view(np.uint8))[2][1:, cv2.CC_STAT_AREA]
    return float(areas.max() / areas.sum())
