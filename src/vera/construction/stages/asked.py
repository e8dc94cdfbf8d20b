"""Stages that ask a vision-language model: what comes of its answer, and where there is none yet."""

from typing import Any, ClassVar

from vera.construction.adapters.vlm import VlmNetwork, ask_model
from vera.construction.adapters.writer import Words, words_question
from vera.construction.engine.stage import Done, Item, Kind, Later, Rejected
from vera.construction.stages.networked import Networked
from vera.construction.stages.objects import chosen_object
from vera.errors import VeraError
from vera.vlm import Question


class Asked(Networked[VlmNetwork]):
    """A stage whose work a model may do: its question, and what its answer says. `refused` is the reason where it will
    not answer."""

    name: ClassVar[str]
    kind: ClassVar[Kind]
    refused: ClassVar[str] = "answer refused"

    def run(self, item: Item) -> Done | Rejected | Later:
        """What comes of the question. VeraError where there was no reply of the form: it is tried again."""
        assert self.network is not None
        outcome = ask_model(self.network, item.cache, self.question(self.network, item))
        if outcome.problem == "waiting":
            return Later()
        if outcome.problem == "refused":
            return Rejected(self.refused, outcome.why)
        if outcome.answer is None:
            raise VeraError(f"{self.network.name}: {outcome.why}")
        return self.take(self.network, outcome.answer)

    def question(self, network: VlmNetwork, item: Item) -> Question[Any]:
        """What the network is asked of an item."""
        raise NotImplementedError

    def take(self, network: VlmNetwork, answer: Any) -> Done | Rejected:
        """What an answer makes of the item."""
        raise NotImplementedError


class Worded(Asked):
    """Words, by a template or by the `network`.

    `before` is the file that shows what was before the edit, `answer` the form of what a network writes.
    """

    kind: ClassVar[Kind] = "object"
    refused: ClassVar[str] = "words refused"
    before: ClassVar[str]
    answer: ClassVar[type[Words]]

    def run(self, item: Item) -> Done | Rejected | Later:
        """Facts: instruction; `by`, which is template, or the network's name; the network's captions."""
        return self.fill_template(item) if self.network is None else super().run(item)

    def fill_template(self, item: Item) -> Done:
        """Words without a network."""
        raise NotImplementedError

    def question(self, network: VlmNetwork, item: Item) -> Question[Words]:
        """Both clips, and what is wanted."""
        before, after = item.files[self.before], item.files["frames.mkv"]
        return words_question(network, before, after, chosen_object(item)["noun"], self.answer)

    def take(self, network: VlmNetwork, answer: Words) -> Done | Rejected:
        """The words as they are."""
        captions = {"before": answer.before, "after": answer.after}
        return Done({"instruction": answer.instruction, "by": network.name, "captions": captions})
