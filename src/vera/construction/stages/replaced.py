"""From a replaced background to a sample: the words, what must hold of every sample, and its files."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import cv2
import numpy as np

from vera.construction.adapters.vlm import VlmNetwork
from vera.construction.adapters.writer import Replacement
from vera.construction.embedded.regions import Frames, Mask
from vera.construction.engine.stage import Done, Item, Kind, Plain, Rejected
from vera.construction.stages.asked import Worded
from vera.construction.stages.objects import chosen_object
from vera.construction.stages.proofread import final_words
from vera.construction.stages.samples import Together, item_seed, sample_row, told_words
from vera.construction.stages.screening import Score
from vera.data.released.layout import index_path
from vera.data.sample import LayeredSample
from vera.data.synthesis.compose import lay_over
from vera.data.synthesis.instructions import describe_replacement
from vera.fields import Range, Share
from vera.video import read_lossless

Code = Annotated[float, Range(0, 255)]


@dataclass(frozen=True)
class BackgroundWords(Worded):
    """Write the instruction that brings the clip's own background back, by a template: of what the curator called it,
    or of its light and colours; or have the `network` write it, and captions, from both clips."""

    name: ClassVar[str] = "background_words"
    needs: ClassVar[tuple[str, ...]] = ("proxy", "annotate", "curate", "background")
    before: ClassVar[str] = "new_source.mkv"
    answer: ClassVar[type[Replacement]] = Replacement
    network: VlmNetwork | None = None

    def fill_template(self, item: Item) -> Done:
        """Of noun and scene; facts besides: who described the scene."""
        told = item.facts["curate"]["scene"]
        scene = told or item.facts["background"]["scene"]
        text = describe_replacement(chosen_object(item)["noun"], scene, np.random.default_rng(item_seed(item)))
        return Done(
            {"instruction": text, "by": "template", "scene_by": item.facts["curate"]["by"] if told else "measured"}
        )


@dataclass(frozen=True)
class BackgroundCheck(Plain):
    """Refuse layers that are no sample: that do not give the clip, or change next to nothing.

    Args:
        distance: largest mean difference in codes of clip and composite where the matte is soft.
        subject: least and largest part of the frames that the subject has.
        change: least mean difference in codes of source and clip outside of the subject.
    """

    name: ClassVar[str] = "background_check"
    kind: ClassVar[Kind] = "object"
    needs: ClassVar[tuple[str, ...]] = ("proxy", "background", "background_words", "background_proofread")
    distance: Score = 1.5
    subject: tuple[Share, Share] = (0.005, 0.6)
    change: Code = 10.0

    def run(self, item: Item) -> Done | Rejected:
        """Facts: subject and change."""
        frames, sample = read_lossless(item.files["frames.mkv"]), _sample(item)
        distance, subject = item.facts["background"]["distance"], float((sample.alpha < 128).mean())
        change = _difference(frames, sample.source, sample.alpha == 255)
        facts = {"subject": subject, "change": change}
        if distance > self.distance:
            return Rejected("layers are not the clip", f"{distance:.2f} codes, above {self.distance:g}", facts)
        if not self.subject[0] <= subject <= self.subject[1]:
            return Rejected("alpha everywhere or nowhere", f"{subject:.3f} of the frames is subject", facts)
        if change < self.change:
            return Rejected("same background", f"{change:.1f} codes, below {self.change:g}", facts)
        return Done(facts)


@dataclass(frozen=True)
class BackgroundPublish(Plain):
    """Write the sample's clips into the data set, as `Publish` does; its row follows from the record."""

    name: ClassVar[str] = "background_publish"
    kind: ClassVar[Kind] = "object"
    needs: ClassVar[tuple[str, ...]] = (
        "annotate",
        "curate",
        "background",
        "background_words",
        "background_proofread",
        "background_check",
    )
    split: ClassVar[str] = "realistic-set1-bg-change"
    together: Together = "file"

    def run(self, item: Item) -> Done | Rejected:
        """Facts: `index`, the JSONL that the row belongs to, `row`, and `pictures`, the licences in it."""
        sample, background = _sample(item), item.facts["background"]
        provenance = {
            "reviewed_by": item.facts["curate"]["by"],
            **told_words(final_words(item.facts, "background_words")),
            "scene_by": item.facts["background_words"].get("scene_by"),
            "picture": background["picture"],
            "distance": background["distance"],
            "residual": background["residual"],
        }
        row = sample_row(item, sample, self.split, self.together, provenance)
        licences = [] if background["licence"] is None else [background["licence"]]
        return Done({"index": index_path(self.split, len(sample.alpha)), "row": row, "pictures": licences})


def _difference(one: Frames, other: Frames, where: Mask) -> float:
    """Mean difference of two clips in codes, where `where` is true; 0 if it nowhere is."""
    found = [cv2.absdiff(a, b)[inside] for a, b, inside in zip(one, other, where, strict=True)]
    codes = np.concatenate(found)
    return float(codes.mean()) if codes.size else 0.0


def _sample(item: Item) -> LayeredSample:
    """The sample: the composite is made of the layers' bytes, as everybody's will be."""
    source, edit, alpha, mask = (
        read_lossless(item.files[f"new_{name}.mkv"]) for name in ("source", "edit", "alpha", "mask")
    )
    composite = np.empty_like(source)
    for t, coverage in enumerate(alpha):
        lay_over(source[t], edit[t], coverage, composite[t])
    text = final_words(item.facts, "background_words")["instruction"]
    return LayeredSample(source, edit, alpha, composite, mask, text, "background_replace")
