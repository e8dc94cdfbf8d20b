"""From layers to samples: the words, what must hold of every sample, and its files."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.construction.adapters.vlm import VlmNetwork
from vera.construction.adapters.writer import Addition
from vera.construction.engine.stage import Done, Facts, Item, Kind, Plain, Rejected
from vera.construction.stages.asked import Worded
from vera.construction.stages.objects import chosen_object
from vera.construction.stages.proofread import final_words
from vera.construction.stages.removal import DEEP
from vera.construction.stages.screening import Score
from vera.data.released.layout import index_path
from vera.data.released.writer import write_clips
from vera.data.sample import LayeredSample
from vera.data.synthesis.compose import make_sample
from vera.data.synthesis.instructions import describe_addition
from vera.fields import Share
from vera.video import read_lossless

Together = Literal["file", "shot"]
THIRDS = ("left", "center", "right")
# Of the frame: a cut-out that fills 0.6 of its box, halfway between the sides that `synthesis.objects.SIDES` gives.
SMALL, LARGE = 0.035, 0.11
TRAVEL = 0.15  # of the frame's width or height, that an object's middle goes before it is said to move


@dataclass(frozen=True)
class Words(Worded):
    """Write the instruction by a template, from the noun and what was measured: size, place, motion; or have the
    `network` write it, and captions, from the plate and the clip."""

    name: ClassVar[str] = "words"
    needs: ClassVar[tuple[str, ...]] = ("proxy", "annotate", "masks", "remove", "filter")
    before: ClassVar[str] = "plate.mkv"
    answer: ClassVar[type[Addition]] = Addition
    network: VlmNetwork | None = None

    def fill_template(self, item: Item) -> Done:
        """Of noun, size, place and motion."""
        chosen, measured = chosen_object(item), item.facts["masks"]
        area = measured["area"]
        text = describe_addition(
            chosen["noun"],
            THIRDS[min(2, int(measured["place"][0] * 3))],
            "small" if area < SMALL else "large" if area > LARGE else "medium",
            _motion(*measured["way"]),
            None,
            "plain",
            np.random.default_rng(item_seed(item)),
        )
        return Done({"instruction": text, "by": "template"})


@dataclass(frozen=True)
class Check(Plain):
    """Refuse layers that are no sample: that do not give the clip, or reach far beyond the object.

    Args:
        identity: largest mean difference in codes of the clip and of edit laid over source. It is one of form: layers
            are solved to fulfil it, however poor the plate.
        covered: largest part of the frames that alpha covers, effects included.
    """

    name: ClassVar[str] = "check"
    kind: ClassVar[Kind] = "object"
    needs: ClassVar[tuple[str, ...]] = ("proxy", "remove", "layers", "words", "proofread")
    identity: Score = 0.5
    covered: Share = 0.6

    def run(self, item: Item) -> Done | Rejected:
        """Facts: identity and covered."""
        frames, sample = read_lossless(item.files["frames.mkv"]), _sample(item)
        identity = float(np.mean([cv2.absdiff(a, b).mean() for a, b in zip(frames, sample.composite, strict=True)]))
        covered = float((sample.alpha > 0).mean())
        facts = {"identity": identity, "covered": covered}
        if identity > self.identity:
            return Rejected("layers are not the clip", f"{identity:.2f} codes, above {self.identity:g}", facts)
        if not 0 < covered <= self.covered:
            return Rejected("alpha everywhere or nowhere", f"{covered:.2f} of the frames", facts)
        return Done(facts)


@dataclass(frozen=True)
class Publish(Plain):
    """Write the sample's clips into the data set; its row follows from the record.

    Args:
        together: whose samples training holds out together: those of a file, or of a shot.
    """

    name: ClassVar[str] = "publish"
    kind: ClassVar[Kind] = "object"
    needs: ClassVar[tuple[str, ...]] = ("annotate", "remove", "filter", "layers", "words", "proofread", "check")
    split: ClassVar[str] = "realistic-set1-obj-add"
    together: Together = "file"

    def run(self, item: Item) -> Done | Rejected:
        """Facts: `index`, the JSONL that the row belongs to, and `row`, without what the licences say."""
        sample = _sample(item)
        provenance = {
            "reviewed_by": item.facts["filter"]["by"],
            **told_words(final_words(item.facts, "words")),
            "unseen": item.facts["remove"].get("unseen"),  # a network's plate has no evidence
            "identity": item.facts["check"]["identity"],
        }
        row = sample_row(item, sample, self.split, self.together, provenance)
        return Done({"index": index_path(self.split, len(sample.alpha)), "row": row})


def told_words(facts: Facts) -> dict[str, Any]:
    """What a row says of its words."""
    more = {name: facts[name] for name in ("captions", "proofread_by") if name in facts}
    return {"instruction_by": facts["by"], **more}


def item_seed(item: Item) -> int:
    """The seed of what is drawn for an object."""
    return int(item.id, 16) + int(item.object[1:])


def sample_row(
    item: Item, sample: LayeredSample, split: str, together: Together, told: Mapping[str, Any]
) -> dict[str, Any]:
    """Write a sample's clips, and return its row: with where it is from, who chose it, and what else is `told`."""
    # The first hash of a name says what is held out together (`data.released.layout.Row.footage`).
    group = item.about["source"] if together == "file" else item.about["shot"]
    name = f"{group}_{item.id}_{item.object}"
    provenance = {
        "source": item.about["source"],
        "clip": item.id,
        "object": item.object,
        "first_pts": item.about["first_pts"],
        "noun": chosen_object(item)["noun"],
        "annotated_by": chosen_object(item)["by"],
        **told,
    }
    return {**write_clips(sample, item.out, split, name), "provenance": provenance}


def _sample(item: Item) -> LayeredSample:
    """The sample of what was solved: the composite is made of the layers' bytes, as everybody's will be."""
    alpha: NDArray[np.float32] = read_lossless(item.files["alpha.mkv"]).astype(np.float32) / DEEP
    edit: NDArray[np.float32] = read_lossless(item.files["edit.mkv"]).astype(np.float32)
    premultiplied = edit / np.float32(255) * alpha[..., None]
    plate = read_lossless(item.files["plate.mkv"])
    return make_sample(plate, premultiplied, alpha, None, final_words(item.facts, "words")["instruction"], "obj_add")


def _motion(right: float, down: float) -> str:
    """The motion, by the names of the synthetic samples, of an object whose middle goes that far."""
    if max(abs(right), -down) < TRAVEL:
        return "still"
    if abs(right) >= -down:
        return "right" if right > 0 else "left"
    return "rise"
