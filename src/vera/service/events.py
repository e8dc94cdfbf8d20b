"""Server-sent events that a page takes up again where it lost them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Annotated, Any

from fastapi import Header
from fastapi.sse import ServerSentEvent
from starlette.concurrency import run_in_threadpool

PAUSE = 0.1  # seconds between looks at a number in memory
LARGEST = (1 << 63) - 1  # that a database holds

LastEventId = Annotated[str | None, Header(alias="Last-Event-ID", max_length=20)]


async def follow(
    last: Callable[[], int], since: Callable[[int], Iterable[tuple[int, str, Any]]], after: int
) -> AsyncIterator[ServerSentEvent]:
    """Yield what comes after event number `after`, for as long as the page listens.

    Args:
        last: gives the number of the newest event; called often, so from memory.
        since: gives number, kind and data (as JSON takes it) of all events after a number; called in a thread.
    """
    while True:
        if last() > after:
            for number, kind, data in await run_in_threadpool(since, after):
                yield ServerSentEvent(data=data, event=kind, id=str(number))
                after = number
        await asyncio.sleep(PAUSE)


def resumed(told: str | None, otherwise: int) -> int:
    """The number a page's Last-Event-ID states; `otherwise` if it states none."""
    return min(int(told), LARGEST) if told is not None and told.isascii() and told.isdecimal() else otherwise
