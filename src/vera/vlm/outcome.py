"""What comes of a question, and how a reply is read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal

import msgspec

from vera.errors import printable
from vera.vlm.form import decode_answer
from vera.vlm.question import Answer
from vera.vlm.usage import Usage

Problem = Literal["refused", "malformed", "failed", "waiting"]
QUOTED = 200  # characters of an answer or an error that are told
POLICY = ("content_filter", "content_policy_violation", "content_policy")


@dataclass(frozen=True)
class Outcome(Generic[Answer]):
    """`answer`, or the `problem`: the model refused, its answers had never the form, or no reply came.

    `waiting` is a question that was not sent, since it is for a batch. `why` is a line for people. `usage`: of all
    replies to this question, whether they came now or from the cache.
    """

    answer: Answer | None
    problem: Problem | None = None
    why: str = ""
    usage: Usage = Usage()  # noqa: RUF009 (frozen)


@dataclass(frozen=True)
class Complaint:
    """What is wrong with an answer, so that the model can be told."""

    text: str
    what: str


def read_reply(status: int, body: Mapping[str, Any], form: type[Answer]) -> Outcome[Answer] | Complaint:
    """Return the answer, the refusal, or what is wrong with the answer that a reply holds; usage is not counted."""
    if status != 200:
        return Outcome(None, "refused", _short(error_text(body)))
    choice = _first(body)
    message = choice.get("message")
    message = message if isinstance(message, dict) else {}
    if refusal := message.get("refusal"):
        return Outcome(None, "refused", _short(str(refusal)))
    if choice.get("finish_reason") == "content_filter":
        return Outcome(None, "refused", "the endpoint's filter stopped the answer")
    text = message.get("content")
    text = text if isinstance(text, str) else ""
    if choice.get("finish_reason") == "length":
        return Complaint(text, "it was cut off, as it is too long; write less")
    try:
        return Outcome(decode_answer(_json_of(text), form))
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        return Complaint(text, _short(str(error)))


def is_refusal(body: Mapping[str, Any]) -> bool:
    """Tell whether an error of an endpoint says that its policy forbids the question."""
    error = body.get("error")
    return isinstance(error, dict) and any(error.get(name) in POLICY for name in ("code", "type"))


def error_text(body: Mapping[str, Any]) -> str:
    """Return what an endpoint says of an error, wherever its kind puts it."""
    error = body.get("error", body)
    if isinstance(error, dict):
        error = error.get("message") or error.get("detail") or error.get("code") or ""
    return _short(str(error)) or "no reason given"


def gives_up(complaint: Complaint) -> Outcome[Any]:
    """Return the outcome of a question whose answers never had the form."""
    return Outcome(None, "malformed", f"{complaint.what}; it says {_short(complaint.text)!r}")


def _json_of(text: str) -> bytes:
    """The JSON object of an answer: models think aloud before it, or fence it as code, where nothing keeps them."""
    text = text.rpartition("</think>")[2].strip()
    if text.startswith("```"):
        text = text.removeprefix("```json").strip("`")
    return text.strip().encode()


def _first(body: Mapping[str, Any]) -> Mapping[str, Any]:
    choices = body.get("choices")
    return choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}


def _short(text: str) -> str:
    text = printable(" ".join(text.split()))
    return text if len(text) <= QUOTED else f"{text[:QUOTED]}..."
