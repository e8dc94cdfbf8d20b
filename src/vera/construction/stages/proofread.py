"""The words of a sample as a person leaves them, and what must hold of what they write."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from vera.construction.adapters.writer import Addition, Replacement
from vera.construction.engine.stage import Done, Facts, Item, Kind, Plain, Rejected
from vera.errors import VeraError


@dataclass(frozen=True)
class Proofread(Plain):
    """Take a person's verdict on the words of an addition, and their own words; unattended, accept them."""

    name: ClassVar[str] = "proofread"
    kind: ClassVar[Kind] = "object"
    needs: ClassVar[tuple[str, ...]] = ("words",)
    waits: ClassVar[Literal["", "people", "all"]] = "people"

    def run(self, item: Item) -> Done | Rejected:
        """Facts: those of the words, with what was changed, and `proofread_by`."""
        assert item.decision is not None
        said, words = item.decision, item.facts[self.needs[0]]
        if not said.get("accept", said["by"] == "nobody"):
            return Rejected("filtered", f"{said['by']}: {said.get('reason') or 'no reason given'}")
        check_edited(self.name, said)
        captions = {name: said[name] for name in ("before", "after") if name in said}
        told = {**words, "proofread_by": said["by"]}
        if "instruction" in said:
            told |= {"instruction": said["instruction"], "by": said["by"]}
        if captions:
            told["captions"] = {**words.get("captions", {}), **captions}
        return Done(told)


@dataclass(frozen=True)
class BackgroundProofread(Proofread):
    """The same of the words of a replaced background."""

    name: ClassVar[str] = "background_proofread"
    needs: ClassVar[tuple[str, ...]] = ("background_words",)


def check_edited(gate: str, words: Mapping[str, Any]) -> None:
    """VeraError for words that the published ones never are; those that are not there are not checked."""
    form = Addition if gate == Proofread.name else Replacement
    whole = {
        "before": words.get("before", ""),
        "after": words.get("after", ""),
        "instruction": words.get("instruction", _VALID[form]),
    }
    try:
        form(**whole)
    except ValueError as error:
        raise VeraError(str(error)) from None


_VALID = {Addition: "Add it.", Replacement: "Change the background to it. Keep the rest intact."}


def final_words(facts: Mapping[str, Facts], stage: str) -> Facts:
    """The facts of a stage of words, as they were left by whoever proofread them."""
    return facts.get(stage.replace("words", "proofread"), facts[stage])
