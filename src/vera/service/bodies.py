"""Bodies of requests: of known types, within limits, and JSON that can be written again."""

import json
import re

from fastapi import HTTPException
from starlette.datastructures import Headers
from starlette.types import Message, Receive

JSON = "application/json"
# Types and their most bytes; uploads count for themselves. What a page of another site can send without being asked
# first, forms and plain text, is not among them.
BODIES = {
    JSON: 1 << 20,
    "image/png": 32 << 20,
    "image/jpeg": 4 << 20,
    "application/offset+octet-stream": None,
}
TOO_LARGE = "the body is larger than this server takes"
# What only some JSON holds: half a character, which no answer could repeat, or a number that is none.
_SUSPECT = re.compile(rb"\\u[dD][89a-fA-F]|NaN|Infinity")


def check_type(headers: Headers) -> None:
    """Raise HTTPException 415 for a type that is not among `BODIES`, 413 for a length beyond its limit."""
    if _type(headers) not in {*BODIES, ""}:
        raise HTTPException(415, f"a body is one of {', '.join(BODIES)}")
    length, limit = headers.get("content-length", "0"), _limit(headers)
    if limit is not None and length.isdecimal() and int(length) > limit:
        raise HTTPException(413, TOO_LARGE)


async def checked(receive: Receive, headers: Headers) -> Receive:
    """Give what receives a body: JSON is read and checked at once, another is counted as it comes.

    Raises HTTPException 413 for what is larger than was told, 422 for JSON that cannot be written again.
    """
    counted = _counted(receive, _limit(headers))
    if _type(headers) != JSON:
        return counted
    body, more = bytearray(), True
    while more:
        message = await counted()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    if _SUSPECT.search(body):
        _check(bytes(body))
    return _replayed({"type": "http.request", "body": bytes(body), "more_body": False}, receive)


def _check(body: bytes) -> None:
    try:
        json.dumps(json.loads(body), allow_nan=False, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise HTTPException(422, "body: holds half a character, a surrogate without its other half") from None
    except (ValueError, RecursionError):
        raise HTTPException(422, "body: is no JSON of finite numbers") from None


def _type(headers: Headers) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def _limit(headers: Headers) -> int | None:
    return BODIES.get(_type(headers), BODIES[JSON])


def _counted(receive: Receive, limit: int | None) -> Receive:
    taken = 0

    async def count() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if limit is not None and taken > limit:
            raise HTTPException(413, TOO_LARGE)
        return message

    return count


def _replayed(first: Message, receive: Receive) -> Receive:
    waiting = [first]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay
