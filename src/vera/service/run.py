"""An app served: its port bound first, so that the link and a worker beside it know where it is."""

import asyncio
import socket
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

import uvicorn
from starlette.types import ASGIApp

from vera.errors import VeraError
from vera.service.tokens import LOCAL

GRACE = 3  # seconds that requests have to end; pages listen for events without end

Beside = Callable[[str], AbstractContextManager[object]]


def allowed_hosts(host: str, names: Sequence[str] = ()) -> list[str]:
    """Names that a server bound to `host` answers to: its own, and those by which others know it, such as a proxy's.

    Raises VeraError where it is bound to every address of the machine and nothing says what it is called.
    """
    own = [f"[{name}]" if ":" in name else name for name in (LOCAL if host in LOCAL else (host,))]
    if host in ("0.0.0.0", "::", ""):
        if not names:
            raise VeraError(f"--host {host}: name what browsers call this machine as well: --name studio.example.com")
        own = [f"[{name}]" if ":" in name else name for name in LOCAL]
    return [*own, *names]


def bind(host: str, port: int = 0) -> socket.socket:
    """Bind a port, a free one for 0. Raises VeraError where that cannot be."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        # The protocol is named: asyncio sends at once, without TCP's wait of 40 ms, on such sockets only.
        bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except (OSError, UnicodeError, OverflowError) as error:
        why = getattr(error, "strerror", None) or error
        raise VeraError(f"{host}:{port}: cannot be served at ({why}); choose another --host or --port") from None
    return bound


def address(bound: socket.socket) -> str:
    """The URL of a bound socket, for this machine, without a slash at its end."""
    host, port = bound.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def serve(
    app: ASGIApp,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    ready: Callable[[str], None] = lambda url: None,
    beside: Beside = nullcontext,
) -> None:
    """Serve an app until a signal ends it. Raises VeraError if the port cannot be had.

    Args:
        port: 0 for a free one.
        ready: is told the URL (without a slash at its end) once the app answers.
        beside: what runs as long as the app does, such as a worker; it is given the URL.
    """
    with bind(host, port) as bound:
        url = address(bound)
        server = _Server(_config(app), lambda: ready(url))
        with beside(url):
            server.run(sockets=[bound])


class _Server(uvicorn.Server):
    """A server that says when it answers."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            await asyncio.to_thread(self._ready)


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        access_log=False,  # queries may hold what opens the door
        log_level="warning",
        proxy_headers=False,  # who calls is the connection's own address, never what a header claims
        server_header=False,
        timeout_graceful_shutdown=GRACE,
        lifespan="on",
    )
