"""What every request must pass before any route: an exact host, no foreign origin, a body of a known type and size."""

from collections.abc import Iterable

from fastapi import HTTPException
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vera.service.problems import bug, problem

SAFE = {"GET", "HEAD", "OPTIONS"}
JSON_LIMIT = 1 << 20
# Bodies and their most bytes; uploads count for themselves. What a page of another site can send without being asked
# first, forms and plain text, is not among them.
BODIES = {
    "application/json": JSON_LIMIT,
    "image/png": 32 << 20,
    "image/jpeg": 4 << 20,
    "application/offset+octet-stream": None,
}
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
TOO_LARGE = "the body is larger than this server takes"
FOREIGN = "the request comes from a page of another site"

Refusal = tuple[int, str]


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

        headers = Headers(scope=scope)
        refusal = _foreign(scope["method"], headers, self._hosts) or _unfit(scope["method"], headers)
        if refusal is not None:
            await problem(*refusal)(scope, receive, with_headers)
            return
        try:
            await self._app(scope, _limited(receive, _limit(headers)), with_headers)
        except Exception as error:
            answer = bug(scope["method"], scope["path"], error)
            if not started:
                await answer(scope, receive, with_headers)


def _foreign(method: str, headers: Headers, hosts: set[str]) -> Refusal | None:
    named = headers.getlist("host")
    if len(named) != 1 or host_name(named[0]) not in hosts:
        return 421, "this server does not answer to that name; call it by the address it printed"
    origin = headers.getlist("origin")
    if method in SAFE:
        return None
    if origin and origin not in ([f"http://{named[0]}"], [f"https://{named[0]}"]):  # `null` is foreign
        return 403, FOREIGN
    return None if headers.get("sec-fetch-site", "none") in ("same-origin", "none") else (403, FOREIGN)


def _unfit(method: str, headers: Headers) -> Refusal | None:
    kind, limit = _kind(headers), _limit(headers)
    if method not in SAFE and kind and kind not in BODIES:
        return 415, f"a body is one of {', '.join(BODIES)}"
    length = headers.get("content-length", "0")
    return (413, TOO_LARGE) if limit is not None and length.isdecimal() and int(length) > limit else None


def _kind(headers: Headers) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def _limit(headers: Headers) -> int | None:
    return BODIES.get(_kind(headers), JSON_LIMIT)


def _limited(receive: Receive, limit: int | None) -> Receive:
    """Count a body whose length was not told, or not truly."""
    taken = 0

    async def counted() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if limit is not None and taken > limit:
            raise HTTPException(413, TOO_LARGE)
        return message

    return counted


def host_name(host: str) -> str:
    """The name in a Host header, without its port: `[::1]` keeps its brackets; "" for what is none."""
    name, colon, port = host.lower().rpartition(":")
    if not colon or "]" in port:
        return host.lower()
    return name if port.isdecimal() else ""
