"""An app served: its port bound first, so that the link and a worker beside it know where it is."""

import asyncio
import socket
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

import uvicorn
from starlette.types import ASGIApp

from vera.errors import VeraError
from vera.service.tokens import LOCAL

ANY = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # every address of a machine, and one that itself has
GRACE = 3  # seconds that requests have to end; pages listen for events without end

Beside = Callable[[str], AbstractContextManager[object]]


def allowed_hosts(host: str, names: Sequence[str] = ()) -> list[str]:
    """Names that a server bound to `host` answers to: its own, and those by which others know it, such as a proxy's.

    Raises VeraError where it is bound to every address of the machine and nothing says what it is called.
    """
    own = [f"[{name}]" if ":" in name else name for name in (LOCAL if host in LOCAL else (host,))]
    if host in ANY:
        if not names:
            raise VeraError(f"--host {host}: name what browsers call this machine as well: --name studio.example.com")
        own = [f"[{name}]" if ":" in name else name for name in LOCAL]
    return [*own, *names]


def bind(host: str, port: int = 0) -> socket.socket:
    """Bind a port, a free one for 0. Raises VeraError where that cannot be."""
    try:
        family, _, _, _, found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        # The protocol is named: asyncio sends at once, without TCP's wait of 40 ms, on such sockets only.
        bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((found[0], port, *found[2:]))
    except (OSError, UnicodeError, OverflowError) as error:
        why = getattr(error, "strerror", None) or error
        raise VeraError(f"{host}:{port}: cannot be served at ({why}); choose another --host or --port") from None
    return bound


def address(bound: socket.socket, host: str, names: Sequence[str] = ()) -> str:
    """The URL of a socket that is bound to `host`, by a name that its server answers to, without a slash at its end.

    Where that is every address, by the first of `names`, or else for this machine alone.
    """
    own = ANY.get(host, host)
    name = names[0] if host in ANY and names else f"[{own}]" if ":" in own else own
    return f"http://{name}:{bound.getsockname()[1]}"


def serve(
    app: ASGIApp,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    names: Sequence[str] = (),
    ready: Callable[[str], None] = lambda url: None,
    beside: Beside = nullcontext,
) -> None:
    """Serve an app until a signal ends it. Raises VeraError if the port cannot be had.

    Args:
        port: 0 for a free one.
        names: by which others know this machine.
        ready: is told the URL for browsers (without a slash at its end) once the app answers.
        beside: what runs as long as the app does, such as a worker; it is given the URL for this machine.
    """
    with bind(host, port) as bound:
        server = _Server(_config(app), lambda: ready(address(bound, host, names)))
        with beside(address(bound, host)):
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
