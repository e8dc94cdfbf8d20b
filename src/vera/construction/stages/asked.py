"""Words that a model may write: the question of an item, and what comes of the answer."""

from typing import ClassVar

from vera.construction.adapters.writer import Words, WriterNetwork, words_question, write_words
from vera.construction.engine.stage import Done, Item, Kind, Later, Rejected
from vera.construction.stages.networked import Networked
from vera.construction.stages.objects import chosen_object
from vera.errors import VeraError
from vera.vlm import Question


class Asked(Networked[WriterNetwork]):
    """A stage of words, by a template or by a network.

    `before` is the file that shows what was before the edit, `answer` the form of what a network writes.
    """

    name: ClassVar[str]
    kind: ClassVar[Kind] = "object"
    before: ClassVar[str]
    answer: ClassVar[type[Words]]

    def run(self, item: Item) -> Done | Rejected | Later:
        """Facts: instruction; `by`, which is template, or the network's name; the network's captions."""
        return self.fill_template(item) if self.network is None else self._ask(self.network, item)

    def fill_template(self, item: Item) -> Done:
        """Words without a network."""
        raise NotImplementedError

    def question(self, network: WriterNetwork, item: Item) -> Question[Words]:
        """What the network is asked."""
        before, after = item.files[self.before], item.files["frames.mkv"]
        return words_question(network, before, after, chosen_object(item)["noun"], self.answer)

    def _ask(self, network: WriterNetwork, item: Item) -> Done | Rejected | Later:
        """What comes of the question. VeraError where there was no reply of the form: it is tried again."""
        outcome = write_words(network, item.cache, self.question(network, item))
        if outcome.problem == "waiting":
            return Later()
        if outcome.problem == "refused":
            return Rejected("words refused", outcome.why)
        if outcome.answer is None:
            raise VeraError(f"{network.name}: {outcome.why}")
        words = outcome.answer
        captions = {"before": words.before, "after": words.after}
        return Done({"instruction": words.instruction, "by": network.name, "captions": captions})
