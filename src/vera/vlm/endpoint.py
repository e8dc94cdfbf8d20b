"""Where a model is asked, and how: what a user says of an endpoint."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from vera.errors import VeraError, brief

Structured = Literal["schema", "object", "none"]
LEAST_ABOVE = ("timeout", "requests_per_minute", "tokens_per_minute")
COUNTS = {"tries": 1, "reasks": 0, "max_tokens": 1}


@dataclass(frozen=True)
class Endpoint:
    """An endpoint that speaks OpenAI's chat completions, and one of its models.

    `url`: up to and with the version, such as http://localhost:8000/v1. `key_variable`: the environment variable that
    holds the key, None where none is wanted; the key itself is never kept here. `timeout`: seconds for one reply.
    `tries`: of one request, as long as the endpoint is busy, fails or does not reply. `reasks`: how often a model is
    told what is wrong with its answer. `max_tokens`: of an answer. `structured`: what the endpoint is asked for:
    answers by a JSON schema, any JSON object, or text; they are checked in any case. `requests_per_minute`,
    `tokens_per_minute`: limits that are kept here, None for none. `prompt_price`, `answer_price`: of a million tokens,
    in any currency. `parameters`: further fields of the request's body; None takes a field out, such as
    {"temperature": None} for models that have none.

    Raises VeraError for what cannot be right.
    """

    url: str
    model: str
    key_variable: str | None = None
    timeout: float = 180
    tries: int = 6
    reasks: int = 2
    max_tokens: int = 1024
    structured: Structured = "schema"
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    prompt_price: float | None = None
    answer_price: float | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_url(self.url)
        if not self.model.strip():
            raise VeraError("endpoint: the model's name is empty; give the name that the endpoint serves it by")
        for name in LEAST_ABOVE:
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise VeraError(f"endpoint: {name} is above 0, not {value:g}")
        for name, least in COUNTS.items():
            if getattr(self, name) < least:
                raise VeraError(f"endpoint: {name} is at least {least}, not {getattr(self, name)}")
        for price in (self.prompt_price, self.answer_price):
            if price is not None and not 0 <= price < math.inf:
                raise VeraError(f"endpoint: a price is at least 0, not {price:g}")

    @property
    def base(self) -> str:
        """The URL without a slash at its end."""
        return self.url.rstrip("/")


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        right = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        right = False
    if not right:
        raise VeraError(f"endpoint: {brief(url)} is no URL; give one such as http://localhost:8000/v1")
    # What stands there is often a key, and URLs are shown in messages: it is not quoted.
    if parts.username or parts.password or parts.query or parts.fragment:
        raise VeraError("endpoint: the URL has a user, a query or a fragment; put the key into a variable instead")
