"""Events that a page takes up again."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vera.service.events import LARGEST, Event, follow, resumed


def test_what_was_missed_and_what_comes() -> None:
    log: list[Event] = [(1, "job", '"a"'), (2, "job", '"b"'), (5, "job", "5")]

    async def read() -> list[bytes]:
        stream = follow(lambda: len(log), lambda after, _: [event for event in log if event[0] > after], 1)
        read = [await anext(stream), await anext(stream)]
        waiting = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0.15)
        assert not waiting.done()
        log.append((6, "queue", "{}"))
        read.append(await waiting)
        return read

    assert asyncio.run(read()) == [
        b'event: job\ndata: "b"\nid: 2\n\n',
        b"event: job\ndata: 5\nid: 5\n\n",
        b"event: queue\ndata: {}\nid: 6\n\n",
    ]


def test_a_word_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing happens: a proxy would take the connection for dead."""
    monkeypatch.setattr("vera.service.events.SILENCE", 0.2)

    async def read() -> bytes:
        return await anext(follow(lambda: 0, lambda after, _: [], 0))

    assert asyncio.run(read()).startswith(b":")


@given(st.one_of(st.none(), st.text(max_size=30), st.integers(0, 10**40).map(str)))
def test_what_a_page_says_it_saw_last(told: str | None) -> None:
    number = resumed(told, 7)
    assert number == 7 or (told is not None and number == min(int(told), LARGEST))
