"""A small question to a model, and an answer of its form."""

from typing import Literal

import msgspec

from vera.vlm import Question, text_part


class Opinion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    reason: str
    score: Literal[1, 2, 3, 4, 5]


GOOD = {"reason": "it fits", "score": 4}


def ask_for(text: str = "How good is it?") -> Question[Opinion]:
    return Question("You judge.", [text_part(text)], Opinion)
