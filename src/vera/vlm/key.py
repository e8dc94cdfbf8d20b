"""The key of an endpoint: read from the environment, sent in one header, and shown nowhere."""

import os

from vera.errors import VeraError

SHOWN = "[key]"


class Key:
    """A key that no message, trace or file holds: it is shown as [key]."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def __repr__(self) -> str:
        return SHOWN

    def headers(self) -> dict[str, str]:
        """The header that authorizes a request; none for the empty key."""
        return {"Authorization": f"Bearer {self._secret}"} if self._secret else {}

    def scrub(self, text: str) -> str:
        """Return what an endpoint says, without the key: some quote it in their errors."""
        return text.replace(self._secret, SHOWN) if self._secret else text


def read_key(variable: str | None) -> Key:
    """Read the key from an environment variable; None gives the empty key. VeraError if it is not set or no key."""
    if variable is None:
        return Key("")
    secret = os.environ.get(variable, "").strip()
    if not secret:
        raise VeraError(f"endpoint: the environment variable {variable} with its key is not set; export it first")
    if not (secret.isascii() and secret.isprintable()) or " " in secret:
        raise VeraError(f"endpoint: the environment variable {variable} holds spaces or odd characters; is it a key?")
    return Key(secret)
