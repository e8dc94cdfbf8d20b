"""A question to a model, and the body of its request."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from vera.vlm.endpoint import Endpoint

Answer = TypeVar("Answer", bound=msgspec.Struct)
Part = Mapping[str, Any]  # of a message's content: a text, a picture or a video
DEFINITIONS = "#/$defs/{name}"


def text_part(text: str) -> Part:
    """Return a text as a part of a question."""
    return {"type": "text", "text": text}


@dataclass(frozen=True)
class Question(Generic[Answer]):
    """What is asked. `system`: who the model is to be; `parts`: texts, pictures, videos, in order; `answer`: the form.

    `answer` is a `msgspec.Struct` with `forbid_unknown_fields`, whose fields are in the order they shall be written in:
    a reason before the score it leads to.
    """

    system: str
    parts: Sequence[Part]
    answer: type[Answer]


def request_body(endpoint: Endpoint, question: Question[Any]) -> dict[str, Any]:
    """Return the body of a request for chat completions, as JSON values."""
    schema = answer_schema(question.answer)
    system = question.system
    if endpoint.structured != "schema":
        system += f"\n\nAnswer with one JSON object by this JSON schema, and nothing else:\n{json.dumps(schema)}"
    body: dict[str, Any] = {
        "model": endpoint.model,
        "messages": [{"role": "system", "content": system}, {"role": "user", "content": list(question.parts)}],
        "temperature": 0,
        "max_tokens": endpoint.max_tokens,
    }
    if endpoint.structured == "schema":
        named = {"name": question.answer.__name__, "strict": True, "schema": schema}
        body["response_format"] = {"type": "json_schema", "json_schema": named}
    elif endpoint.structured == "object":
        body["response_format"] = {"type": "json_object"}
    body |= endpoint.parameters
    return {name: value for name, value in body.items() if value is not None}


def asked_again(body: Mapping[str, Any], answer: str, complaint: str) -> dict[str, Any]:
    """Return the body that continues a request: what the model answered, and what is wrong with it."""
    text = f"This answer cannot be used: {complaint}. Answer again, with one JSON object of the form asked for."
    said = [{"role": "assistant", "content": answer}, {"role": "user", "content": text}]
    return {**body, "messages": [*body["messages"], *said]}


def answer_schema(answer: type[msgspec.Struct]) -> dict[str, Any]:
    """Return the JSON schema of a struct as strict endpoints want it: an object at the root, a type for every value."""
    _, components = msgspec.json.schema_components([answer], ref_template=DEFINITIONS)
    typed: dict[str, Any] = {name: _typed(schema) for name, schema in components.items()}
    root: dict[str, Any] = typed.pop(answer.__name__)
    return root | ({"$defs": typed} if typed else {})


def _typed(schema: Any) -> Any:
    """A schema whose choices of whole numbers or texts name their type."""
    if not isinstance(schema, dict):
        return schema
    found = {name: _typed(value) for name, value in schema.items()}
    choices = found.get("enum")
    if isinstance(choices, list) and "type" not in found:
        for kind, title in ((int, "integer"), (str, "string")):
            if all(type(choice) is kind for choice in choices):
                return {"type": title, **found}
    return found


def encoded(body: Mapping[str, Any]) -> bytes:
    """Return a body as bytes: what is sent, and what is hashed. Names keep their order, which is that of the answer."""
    return json.dumps(body, separators=(",", ":"), allow_nan=False).encode("ascii")


def digest(content: bytes) -> str:
    """Return the name that a request has in the cache and in batch files: the SHA-256 of its body."""
    return hashlib.sha256(content).hexdigest()
