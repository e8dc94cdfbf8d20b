"""Server-sent events that a page takes up again where it lost them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Hashable, Iterable
from typing import TypeVar

from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

PAUSE = 0.1  # seconds between looks at the state
SILENCE = 15.0  # seconds after which a word is sent all the same, so that no proxy takes the connection for dead
LARGEST = (1 << 63) - 1  # that a database holds

State = TypeVar("State", bound=Hashable)
Event = tuple[int, str, str]  # number, kind, JSON


class EventStream(StreamingResponse):
    """Events as they are sent. FastAPI's own stream fails in the log whenever a page leaves while it sends."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncIterator[bytes]) -> None:
        super().__init__(events, headers={"X-Accel-Buffering": "no"})  # a proxy is not to gather them


async def follow(
    state: Callable[[], State], since: Callable[[int, State], Iterable[Event]], after: int
) -> AsyncIterator[bytes]:
    """Yield what comes after event number `after`, for as long as the page listens.

    Args:
        state: whatever differs once there is something new; looked at often, so from memory.
        since: gives the events after a number, with the state seen; called in a thread.
    """
    known: State | None = None
    silent = 0.0
    while True:
        if (seen := state()) != known:
            known, silent = seen, 0.0
            for number, kind, text in await run_in_threadpool(since, after, seen):
                yield format_sse_event(data_str=text, event=kind, id=str(number))
                after = number
        elif silent >= SILENCE:
            silent = 0.0
            yield KEEPALIVE_COMMENT
        await asyncio.sleep(PAUSE)
        silent += PAUSE


def resumed(told: str | None, otherwise: int) -> int:
    """The number that a page's Last-Event-ID states; `otherwise` if it states none."""
    return min(int(told), LARGEST) if told is not None and told.isascii() and told.isdecimal() else otherwise
