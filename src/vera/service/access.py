"""Who may call: a browser that opened the one-time link, a program with the token, people whom a proxy names."""

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from vera.errors import printable
from vera.service.problems import problem

LIFETIME = 30 * 24 * 3600  # seconds that a browser stays known
CLOSED = "open the link that the server printed, or send its token"


@dataclass(frozen=True)
class Caller:
    """Who calls. `name` is what the proxy says, "" for all others."""

    kind: Literal["browser", "program"]
    name: str = ""


@dataclass(frozen=True)
class Proxy:
    """A reverse proxy that knows its people: its own address, and the header in which it names them."""

    address: str
    header: str


class Access:
    """The door of an app: a dependency that returns who calls, and the route that a one-time link opens.

    Args:
        token: shared with programs; browsers stay known over a restart with the same one. None: a new one.
        proxy: whose word on people is taken.
        used: called when a link was used, so that another can be shown.
    """

    def __init__(
        self, token: str | None = None, proxy: Proxy | None = None, used: Callable[[], None] = lambda: None
    ) -> None:
        self.token = token or secrets.token_urlsafe(32)
        self.used = used
        self._proxy = proxy
        self._links: set[str] = set()
        self._key = hashlib.sha256(b"cookies of " + self.token.encode()).digest()
        # Cookies know no ports: two servers of one machine are not to take each other's.
        self._cookie = f"vera-{hashlib.sha256(self._key).hexdigest()[:8]}"
        self.router = APIRouter()
        self.router.add_api_route("/open", self._open, methods=["GET"], include_in_schema=False)

    def link(self) -> str:
        """Return the path of a link that opens the app for one browser, once."""
        word = secrets.token_urlsafe(32)
        self._links.add(word)
        return f"/open?token={word}"

    async def __call__(self, request: Request) -> Caller:
        """Return who calls. Raises HTTPException 401 for a stranger."""
        caller = self._program(request) or self._person(request) or self._browser(request)
        if caller is None:
            raise HTTPException(401, CLOSED, {"WWW-Authenticate": "Bearer"})
        request.state.caller = caller
        return caller

    async def _open(self, request: Request, token: str = "") -> Response:
        # A browser that loads pages before they are wanted would use the link up.
        if request.headers.get("sec-purpose", "").startswith("prefetch") or token not in self._links:
            return problem(403, "this link was used, or is not of this server; it prints another one")
        self._links.discard(token)
        self.used()
        response = RedirectResponse("/", 303)
        secure = request.url.scheme == "https"
        response.set_cookie(
            self._cookie, self._signed(), LIFETIME, path="/", httponly=True, samesite="strict", secure=secure
        )
        return response

    def _program(self, request: Request) -> Caller | None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        right = hmac.compare_digest(token.strip().encode(), self.token.encode())
        return Caller("program") if scheme.lower() == "bearer" and right else None

    def _person(self, request: Request) -> Caller | None:
        if self._proxy is None or request.client is None or request.client.host != self._proxy.address:
            return None
        names = request.headers.getlist(self._proxy.header)
        return Caller("browser", printable(names[0])) if len(names) == 1 and names[0].strip() else None

    def _browser(self, request: Request) -> Caller | None:
        statement, _, seal = request.cookies.get(self._cookie, "").rpartition(".")
        until = statement.partition(".")[0]
        sealed = hmac.compare_digest(seal.encode(), self._seal(statement).encode())
        return Caller("browser") if sealed and int(until) > time.time() else None

    def _signed(self) -> str:
        statement = f"{int(time.time()) + LIFETIME}.{secrets.token_urlsafe(12)}"
        return f"{statement}.{self._seal(statement)}"

    def _seal(self, statement: str) -> str:
        return hmac.new(self._key, statement.encode(), hashlib.sha256).hexdigest()


async def programs_only(request: Request) -> None:
    """Refuse browsers, as a dependency: what workers say is not to be said by a page. Raises HTTPException 403."""
    if getattr(request.state, "caller", None) != Caller("program"):
        raise HTTPException(403, "this is for workers, which send the server's token")
