"""Vision-language models that write instructions and captions, and what must hold of what they write."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec

from vera.construction.adapters.vlm import VlmNetwork, before_and_after
from vera.vlm import Question, text_part

Text = Annotated[str, msgspec.Meta(min_length=10, max_length=1500)]
Instruction = Annotated[str, msgspec.Meta(min_length=10, max_length=400)]

SYSTEM = (
    "You write captions and editing instructions for training data of a video editor. Plain, exact English: say what "
    "is to be seen, in concrete colours and textures, the light, the shot and the camera. No interpretation, no vague "
    'praise, and never the words "depth of field": say that the background is sharp, soft or blurred.'
)
ADDITION = (
    "The first pictures are a video before an edit, in order of time; the others are the same video after {noun} was "
    "added. Describe both, and write the instruction that asks for the edit: one or two sentences that begin with "
    '"Add ", then what it looks like, what it does, where, and the light on it.'
)
REPLACEMENT = (
    "The first pictures are a video before an edit, in order of time; the others are the same video after the "
    "background behind {noun} was replaced. Describe both, and write the instruction that asks for the edit: it begins "
    'with "Change the background to ", describes the new scene, its light, the shot and the camera, and ends with '
    '"Keep the ... intact.", which names what stays.'
)
FORBIDDEN = ("depth of field", "before picture", "after picture", "first video", "second video")


class Addition(msgspec.Struct, forbid_unknown_fields=True):
    """Captions before and after something was added, and the instruction."""

    before: Text
    after: Text
    instruction: Instruction

    def __post_init__(self) -> None:
        check_words([self.before, self.after, self.instruction])
        if not self.instruction.startswith("Add "):
            raise ValueError('instruction: does not begin with "Add "')


class Replacement(msgspec.Struct, forbid_unknown_fields=True):
    """Captions before and after a background was replaced, and the instruction."""

    before: Text
    after: Text
    instruction: Instruction

    def __post_init__(self) -> None:
        check_words([self.before, self.after, self.instruction])
        kept = self.instruction.rstrip().rpartition(" Keep the ")[2]
        if not self.instruction.startswith("Change the background to "):
            raise ValueError('instruction: does not begin with "Change the background to "')
        if not kept.endswith(" intact.") or kept == self.instruction.rstrip() or "." in kept[:-1]:
            raise ValueError('instruction: does not end with "Keep the ... intact."')


Words = Addition | Replacement


def words_question(network: VlmNetwork, before: Path, after: Path, noun: str, answer: type[Words]) -> Question[Words]:
    """The question for the words of an edit, which shows the clips `before` and `after`."""
    task = (ADDITION if answer is Addition else REPLACEMENT).format(
        noun=f"a {noun}" if answer is Addition else f"the {noun}"
    )
    return Question(SYSTEM, [text_part(task), *before_and_after(network, before, after)], answer)


def check_words(texts: Sequence[str]) -> None:
    """ValueError, which a model is told, for words that the published captions never have."""
    for text in texts:
        found = next((words for words in FORBIDDEN if words in text.lower()), None)
        if found is not None:
            raise ValueError(f'never say "{found}"')
