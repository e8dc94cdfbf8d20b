"""What a vision-language model looks at before people do: clips, and removals."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from vera.construction.adapters.looker import Inspected, Looked, Unwanted, clip_question, removal_question
from vera.construction.adapters.vlm import VlmNetwork
from vera.construction.engine.stage import Done, Item, Kind, Rejected
from vera.construction.stages.asked import Asked
from vera.construction.stages.objects import chosen_object
from vera.fields import Range
from vera.vlm import Question


@dataclass(frozen=True)
class Triage(Asked):
    """Have a model look at a clip before people do, and refuse what it tells of.

    Args:
        refuse: what is not wanted.
    """

    name: ClassVar[str] = "triage"
    kind: ClassVar[Kind] = "clip"
    needs: ClassVar[tuple[str, ...]] = ("proxy", "propose")
    network: VlmNetwork
    refuse: Annotated[Sequence[Unwanted], Range(1, 6)] = ("text", "slideshow", "framed", "filtered", "unsafe")

    def question(self, network: VlmNetwork, item: Item) -> Question[Looked]:
        """The clip's frames."""
        return clip_question(network, item.files["frames.mkv"])

    def take(self, network: VlmNetwork, answer: Looked) -> Done | Rejected:
        """Facts: what the model told; refused for the first that is not wanted."""
        facts = {name: getattr(answer, name) for name in answer.__struct_fields__}
        found = next((name for name in self.refuse if facts[name]), None)
        return Done(facts) if found is None else Rejected(found, answer.shows, facts)


@dataclass(frozen=True)
class Inspect(Asked):
    """Have a model look at a removal before people do, and refuse one with a fault."""

    name: ClassVar[str] = "inspect"
    kind: ClassVar[Kind] = "object"
    needs: ClassVar[tuple[str, ...]] = ("proxy", "annotate", "remove")
    network: VlmNetwork

    def question(self, network: VlmNetwork, item: Item) -> Question[Inspected]:
        """The clip with the object, and without it."""
        clip, plate = item.files["frames.mkv"], item.files["plate.mkv"]
        return removal_question(network, clip, plate, chosen_object(item)["noun"])

    def take(self, network: VlmNetwork, answer: Inspected) -> Done | Rejected:
        """Facts: what the model told; refused for its fault."""
        facts = {"shows": answer.shows, "fault": answer.fault}
        return Done(facts) if answer.fault == "none" else Rejected(answer.fault, answer.shows, facts)
