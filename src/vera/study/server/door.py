"""The door of a study: links that open sessions, cookies that belong to one session each, wrong secrets slowed."""

import base64
import json
import math
import secrets
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Request
from fastapi.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from vera.service.guard import HEADERS
from vera.service.problems import problem
from vera.study.links import Links, Opened
from vera.study.server.throttle import Throttle

ADMIN = "admin"
LIFETIME = 90 * 24 * 3600  # seconds: raters come back after weeks
NAME = "vera-study"
OPENING = "/r/"
SESSIONS, RESEARCHER = "/api/sessions/", "/api/admin"
PROLIFIC = ("PROLIFIC_PID", "STUDY_ID", "SESSION_ID")
CLOSED = "open the link that you were given"

SessionId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{22}$")]


class LinkThrottle:
    """ASGI middleware: refuses links of who has guessed too many, at a small part of what a route takes.

    Raters share the processor with a thousand guesses a second: `python -m benchmarks.study_guessing`.
    """

    def __init__(self, app: ASGIApp, door: "Door") -> None:
        self._app, self._door = app, door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer 429."""
        if scope["type"] == "http" and scope["path"].startswith(OPENING):
            try:
                self._door.listen(Request(scope))
            except HTTPException as refused:
                headers = {**HEADERS, "cache-control": "no-store", **(refused.headers or {})}
                await problem(refused.status_code, str(refused.detail), headers)(scope, receive, send)
                return
        await self._app(scope, receive, send)


class Door:
    """A dependency that lets a session's own cookie to its routes, the researcher's to theirs, anybody to the page.

    Args:
        links: the study's.
        pages: paths of the page's files, which anybody may load: they hold nothing of the study.
        proxy: address of a reverse proxy whose X-Forwarded-For and X-Forwarded-Proto are believed.
    """

    def __init__(self, links: Links, pages: frozenset[str], proxy: str | None = None) -> None:
        self.links, self.pages, self.throttle = links, pages, Throttle()
        self._proxy = proxy
        self.router = APIRouter()
        self.router.add_api_route(f"{OPENING}{{token}}", self._open, methods=["GET"], include_in_schema=False)

    async def __call__(self, request: Request) -> None:
        """Raise HTTPException 401 for a stranger, and 429 for one who guesses."""
        path = request.url.path
        if path in self.pages:
            return
        session = path.removeprefix(SESSIONS).partition("/")[0] if path.startswith(SESSIONS) else ADMIN
        cookie = request.cookies.get(_cookie_name(session), "")
        about = self._about(session, cookie)
        if about is None:
            if cookie:  # who has none guesses nothing, such as a browser that looks for an icon
                self.wrong(request)
            raise HTTPException(401, CLOSED, {"WWW-Authenticate": "Link"})
        request.state.about = about

    def listen(self, request: Request) -> None:
        """Raise HTTPException 429 for an address that has tried many wrong secrets."""
        if wait := self.throttle.wait(self._address(request)):
            told = {"Retry-After": str(math.ceil(wait))}
            raise HTTPException(429, "too many wrong links or codes: wait a little, then try again", told)

    def wrong(self, request: Request) -> None:
        """Count a wrong secret. Raises HTTPException 429 as `listen`."""
        self.listen(request)
        self.throttle.failed(self._address(request))

    async def _open(self, request: Request, token: str) -> Response:
        opened = self.links.open(token)
        if opened is None:
            self.throttle.failed(self._address(request))
            return problem(404, "this link is not of this study; was it copied whole?")
        about = _who(opened, request)
        session = ADMIN if opened.kind == "admin" else self._session(opened, about)
        response = RedirectResponse("/#admin" if session == ADMIN else f"/#{session}", 303)
        response.set_cookie(
            _cookie_name(session),
            self._sealed(session, about),
            LIFETIME,
            path=RESEARCHER if session == ADMIN else f"{SESSIONS}{session}",
            httponly=True,
            samesite="strict",
            secure=self._is_secure(request),
        )
        return response

    def _session(self, opened: Opened, about: dict[str, Any]) -> str:
        """The session of a rater's own link, of a person of Prolific, or a new one."""
        if opened.kind == "rater":
            return self.links.session_of(f"rater {opened.number}")
        person = about.get("prolific", {}).get(PROLIFIC[0])
        return self.links.session_of(f"prolific {person}" if person else f"new {secrets.token_hex(16)}")

    def _sealed(self, session: str, about: dict[str, Any]) -> str:
        statement = base64.urlsafe_b64encode(json.dumps(about).encode()).decode().rstrip("=")
        return f"{statement}.{self.links.seal(session, statement)}"

    def _about(self, session: str, cookie: str) -> dict[str, Any] | None:
        """What a cookie says of a session's rater; None if it does not open the session."""
        statement, _, seal = cookie.rpartition(".")
        if not self.links.holds(session, statement, seal):
            return None
        about: dict[str, Any] = json.loads(base64.urlsafe_b64decode(statement + "=" * (-len(statement) % 4)))
        return about

    def _address(self, request: Request) -> str:
        named = request.headers.get("x-forwarded-for", "").split(",")[-1].strip()
        return named if named and self._is_proxy(request) else _host(request)

    def _is_secure(self, request: Request) -> bool:
        told = request.headers.get("x-forwarded-proto", "") == "https" and self._is_proxy(request)
        return told or request.url.scheme == "https"

    def _is_proxy(self, request: Request) -> bool:
        return self._proxy is not None and _host(request) == self._proxy


def _host(request: Request) -> str:
    return request.client.host if request.client else ""


def _who(opened: Opened, request: Request) -> dict[str, Any]:
    told = {name: request.query_params[name][:64] for name in PROLIFIC if request.query_params.get(name)}
    about: dict[str, Any] = {} if opened.number is None else {"link": opened.number}
    return about | ({"prolific": told} if told and opened.kind == "shared" else {})


def _cookie_name(session: str) -> str:
    return f"{NAME}-{session[:8]}"
