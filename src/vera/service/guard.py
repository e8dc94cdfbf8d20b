"""What every request must pass before any route: an exact host, no foreign origin, a body of a known type and size."""

from collections.abc import Iterable

from fastapi import HTTPException
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vera.service.bodies import check_type, checked
from vera.service.problems import bug, problem

SAFE = {"GET", "HEAD", "OPTIONS"}
HEADERS = {
    # `blob:` is how a page shows pictures and videos it made; scripts come from files of the server alone.
    "content-security-policy": "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


class Guard:
    """ASGI middleware: refuses what no page of ours and no program sends, and adds the headers that browsers obey.

    `hosts`: names, without port, that the Host header may have. A name of another that was made to resolve to this
    machine (DNS rebinding) is not among them.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        self._app, self._hosts = app, {host.lower() for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it; what fails unforeseen is logged and answered, too."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # no page here opens a WebSocket
            await send({"type": "websocket.close", "code": 1008})
            return
        started = False

        async def with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        try:
            await self._pass(scope, receive, with_headers)
        except HTTPException as refused:
            await problem(refused.status_code, refused.detail)(scope, receive, with_headers)
        except Exception as error:
            answer = bug(scope["method"], scope["path"], error)
            if not started:
                await answer(scope, receive, with_headers)

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        _check_host(headers, self._hosts)
        if scope["method"] not in SAFE:
            _check_origin(headers)
            check_type(headers)
        await self._app(scope, await checked(receive, headers), send)


def _check_host(headers: Headers, hosts: set[str]) -> None:
    named = headers.getlist("host")
    if len(named) != 1 or host_name(named[0]) not in hosts:
        raise HTTPException(421, "this server does not answer to that name; call it by the address it printed")


def _check_origin(headers: Headers) -> None:
    host, origin = headers["host"], headers.getlist("origin")
    foreign = origin and origin not in ([f"http://{host}"], [f"https://{host}"])  # `null` is foreign
    if foreign or headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        raise HTTPException(403, "the request comes from a page of another site")


def host_name(host: str) -> str:
    """The name in a Host header, without its port: `[::1]` keeps its brackets; "" for what is none."""
    name, colon, port = host.lower().rpartition(":")
    if not colon or "]" in port:
        return host.lower()
    return name if port.isdecimal() else ""
