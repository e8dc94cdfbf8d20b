"""Decoders of answers, each built once.

msgspec (0.22) prepares a struct when it first decodes one, and other threads that decode the same struct meanwhile meet
half of it: the process crashes. A decoder that is built already has it whole, and is safe for threads.
"""

from functools import lru_cache
from threading import Lock
from typing import Any

import msgspec

from vera.vlm.question import Answer

_building = Lock()


def decode_answer(text: bytes, form: type[Answer]) -> Answer:
    """Return an answer from its JSON. Raises msgspec.DecodeError for any other, and what Python does for its text."""
    with _building:
        decoder: msgspec.json.Decoder[Answer] = _decoder(form)
    return decoder.decode(text)


@lru_cache(maxsize=256)
def _decoder(form: type[Any]) -> Any:
    return msgspec.json.Decoder(form)
