"""Server-sent events that a page takes up again where it lost them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

from fastapi.sse import ServerSentEvent
from starlette.concurrency import run_in_threadpool

PAUSE = 0.1  # seconds between looks at the state
LARGEST = (1 << 63) - 1  # that a database holds

Event = tuple[int, str, Any]  # number, kind, data as JSON takes it


async def follow(
    state: Callable[[], object], since: Callable[[int], Iterable[Event]], after: int
) -> AsyncIterator[ServerSentEvent]:
    """Yield what comes after event number `after`, for as long as the page listens.

    Args:
        state: whatever differs once there is something new; looked at often, so from memory.
        since: gives the events after a number; called in a thread.
    """
    known: object = None
    while True:
        if (seen := state()) != known:
            known = seen
            for number, kind, data in await run_in_threadpool(since, after):
                yield ServerSentEvent(data=data, event=kind, id=str(number))
                after = number
        await asyncio.sleep(PAUSE)


def resumed(told: str | None, otherwise: int) -> int:
    """The number that a page's Last-Event-ID states; `otherwise` if it states none."""
    return min(int(told), LARGEST) if told is not None and told.isascii() and told.isdecimal() else otherwise
