"""Events that a page takes up again."""

import asyncio

from fastapi.sse import ServerSentEvent
from hypothesis import given
from hypothesis import strategies as st

from vera.service.events import LARGEST, Event, follow, resumed


def test_what_was_missed_and_what_comes() -> None:
    log: list[Event] = [(1, "job", "a"), (2, "job", "b"), (5, "job", "c")]

    async def read() -> list[ServerSentEvent]:
        stream = follow(lambda: len(log), lambda after: [event for event in log if event[0] > after], 1)
        read = [await anext(stream), await anext(stream)]
        waiting = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0.15)
        assert not waiting.done()
        log.append((6, "queue", {"paused": True}))
        read.append(await waiting)
        return read

    told = asyncio.run(read())
    assert [(event.id, event.event, event.data) for event in told] == [
        ("2", "job", "b"), ("5", "job", "c"), ("6", "queue", {"paused": True})
    ]  # fmt: skip


@given(st.one_of(st.none(), st.text(max_size=30), st.integers(0, 10**40).map(str)))
def test_what_a_page_says_it_saw_last(told: str | None) -> None:
    number = resumed(told, 7)
    assert number == 7 or (told is not None and number == min(int(told), LARGEST))
