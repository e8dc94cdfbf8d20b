"""Tokens and what they cost."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vera.vlm.endpoint import Endpoint

MILLION = 1_000_000
LARGEST = 1 << 40  # tokens of one reply that can be meant


@dataclass(frozen=True)
class Usage:
    """Replies and their tokens. `untold`: replies whose endpoint did not say how many tokens they took."""

    replies: int = 0
    prompt_tokens: int = 0
    answer_tokens: int = 0
    untold: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.replies + other.replies,
            self.prompt_tokens + other.prompt_tokens,
            self.answer_tokens + other.answer_tokens,
            self.untold + other.untold,
        )

    @property
    def tokens(self) -> int:
        """Tokens of prompts and answers together."""
        return self.prompt_tokens + self.answer_tokens

    def cost(self, endpoint: Endpoint) -> float | None:
        """Cost by the endpoint's prices; None where a price or a number of tokens is not known."""
        if endpoint.prompt_price is None or endpoint.answer_price is None or self.untold:
            return None
        return (self.prompt_tokens * endpoint.prompt_price + self.answer_tokens * endpoint.answer_price) / MILLION


def usage_of(completion: Mapping[str, Any]) -> Usage:
    """Return what one reply took, by its `usage`; untold where that is missing or makes no sense."""
    told = completion.get("usage")
    told = told if isinstance(told, dict) else {}
    prompt, answer = _count(told.get("prompt_tokens")), _count(told.get("completion_tokens"))
    return Usage(1, untold=1) if prompt is None or answer is None else Usage(1, prompt, answer)


def _count(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value < LARGEST else None
