"""The links of raters and of the researcher, and what is derived from them: secrets of 128 bits or more."""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from msgspec import Struct

CODE_LETTERS = 16  # of a withdrawal code, five bits each


class Links(Struct, frozen=True, dict=True):
    """What a study's links hold, on disk only.

    Args:
        secret: that sessions' ids, cookies and codes are derived from.
        admin: of the researcher's page.
        shared: of one link for everybody, such as for Prolific.
        raters: of each rater's own link.
    """

    secret: str
    admin: str
    shared: str
    raters: tuple[str, ...]

    @cached_property
    def by_digest(self) -> dict[bytes, "Opened"]:
        """Every token's digest: what is looked up is a hash, so its time tells nothing of a token."""
        found = {_digest(self.admin): Opened("admin"), _digest(self.shared): Opened("shared")}
        return found | {_digest(token): Opened("rater", number) for number, token in enumerate(self.raters)}

    def open(self, token: str) -> "Opened | None":
        """Say what a token opens; None if nothing."""
        return self.by_digest.get(_digest(token))

    def session_of(self, what: str) -> str:
        """Derive the id of a session from whose it is; equal persons, equal sessions."""
        return self._derived("session", what)[:22]

    def seal(self, session: str, statement: str) -> str:
        """Derive the seal of what a session's cookie states."""
        return self._derived("cookie", f"{session} {statement}")

    def code_of(self, session: str) -> str:
        """Derive the code by which a rater deletes what was recorded."""
        digest = hmac.new(self.secret.encode(), f"code {session}".encode(), hashlib.sha256).digest()
        letters = base64.b32encode(digest).decode()[:CODE_LETTERS]
        return "-".join(letters[start : start + 4] for start in range(0, CODE_LETTERS, 4))

    def holds(self, session: str, statement: str, seal: str) -> bool:
        """Whether a cookie's seal is that of its statement and session, compared in a time that tells nothing."""
        return hmac.compare_digest(self.seal(session, statement).encode(), seal.encode("utf-8", "replace"))

    def _derived(self, kind: str, what: str) -> str:
        digest = hmac.new(self.secret.encode(), f"{kind} {what}".encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


@dataclass(frozen=True)
class Opened:
    """What a token opens; `number` is that of a rater's own link."""

    kind: Literal["admin", "shared", "rater"]
    number: int | None = None


def make_links(raters: int) -> Links:
    """Draw tokens for so many raters."""
    return Links(
        secrets.token_urlsafe(32),
        secrets.token_urlsafe(24),
        secrets.token_urlsafe(24),
        tuple(secrets.token_urlsafe(24) for _ in range(raters)),
    )


def plain_code(code: str) -> str:
    """Return a withdrawal code as it is stored, however somebody typed it."""
    return "".join(letter for letter in code.upper() if letter.isalnum())[:64]


def digest_text(text: str) -> str:
    """Return the SHA-256 of a secret, to be stored in its place."""
    return _digest(text).hex()


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()
