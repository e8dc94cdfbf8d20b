"""Endpoints, limits, waiting, tokens, replies on disk."""

import email.utils
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.chat_endpoint import answer, chat_endpoint, completion, error, in_turn
from tests.opinions import GOOD, Opinion, ask_for

from vera.errors import VeraError
from vera.vlm import Client, Endpoint, ReplyCache, Usage
from vera.vlm.cache import Reply
from vera.vlm.minute import MinuteLimit
from vera.vlm.outcome import Complaint, error_text, is_refusal, read_reply
from vera.vlm.transport import retry_after
from vera.vlm.usage import usage_of

URL = "http://localhost:8000/v1"


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://a/v1", "http://", "http://a:99999/v1", "http://[::1/v1", ""])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(VeraError, match="is no URL"):
        Endpoint(url, "m")


@pytest.mark.parametrize("url", ["http://u:secret@a/v1", "http://a/v1?key=secret", "http://a/v1#secret"])
def test_a_key_in_the_url_is_refused_unseen(url: str) -> None:
    with pytest.raises(VeraError) as raised:
        Endpoint(url, "m")
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"model": " "},
        {"timeout": 0},
        {"timeout": math.nan},
        {"tries": 0},
        {"reasks": -1},
        {"max_tokens": 0},
        {"requests_per_minute": -1},
        {"tokens_per_minute": math.inf},
        {"prompt_price": -1},
    ],
)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(VeraError, match="endpoint: "):
        Endpoint(**{"url": URL, "model": "m", **wrong})


class Clock:
    """Time that passes when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


@given(st.lists(st.tuples(st.floats(0, 30), st.integers(1, 50)), max_size=40), st.integers(1, 100))
def test_no_minute_takes_more_than_its_limit(steps: list[tuple[float, int]], limit: int) -> None:
    clock = Clock()
    minute = MinuteLimit(limit, clock.sleep, lambda: clock.now)
    taken = []
    for pause, amount in steps:
        clock.now += pause
        minute.take(amount)
        taken.append((clock.now, amount))
    for start, first in taken:
        inside = [amount for at, amount in taken if start <= at < start + 60 - 1e-6]
        assert sum(inside) <= limit or inside == [first]  # what is larger than the limit goes alone


def test_a_limit_waits_no_longer_than_it_must_and_takes_corrections() -> None:
    clock = Clock()
    minute = MinuteLimit(10, clock.sleep, lambda: clock.now)
    first = minute.take(10)
    first.amount = 4  # it was less than guessed
    minute.take(6)
    assert clock.now == 0
    minute.take(1)
    assert clock.now == 60
    unlimited = MinuteLimit(None, clock.sleep, lambda: clock.now)
    for _ in range(100):
        unlimited.take(1e9)
    assert clock.now == 60


def test_every_try_counts_and_tokens_are_those_of_the_reply(cache: ReplyCache) -> None:
    clock = Clock()
    with chat_endpoint(in_turn(error(500), answer(GOOD, usage=(700, 50)))) as server:
        endpoint = Endpoint(server.url, "judge", requests_per_minute=3, tokens_per_minute=1600)
        with Client(endpoint, cache) as client:
            assert client._transport is not None
            # The same limits on a clock of our own.
            client._transport._requests = MinuteLimit(endpoint.requests_per_minute, clock.sleep, lambda: clock.now)
            client._tokens = MinuteLimit(endpoint.tokens_per_minute, clock.sleep, lambda: clock.now)
            client.ask(ask_for("one"))  # two tries, 750 tokens
            client.ask(ask_for("two"))  # 1,500 tokens by now, where more than 2,000 were guessed
            assert clock.now == 0 and len(server.asked) == 3
            client.ask(ask_for("three"))
            assert clock.now == 60


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
MESSAGES = st.fixed_dictionaries({}, optional={"content": JSON, "refusal": JSON})
CHOICES = st.fixed_dictionaries({}, optional={"message": MESSAGES | JSON, "finish_reason": JSON})
BODIES = st.fixed_dictionaries(
    {}, optional={"choices": st.lists(CHOICES | JSON, max_size=2) | JSON, "usage": JSON, "error": JSON}
)


@given(BODIES, st.sampled_from([200, 400]))
def test_whatever_an_endpoint_replies_is_read(body: dict[str, Any], status: int) -> None:
    found = read_reply(status, body, Opinion)
    assert isinstance(found, Complaint) or found.problem == "refused"
    assert usage_of(body).replies == 1 and error_text(body) and is_refusal(body) in (True, False)


def test_a_reply_without_end_is_not_read(cache: ReplyCache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vera.vlm.transport.LARGEST", 1000)
    endless = in_turn(completion("x" * 2000))
    with chat_endpoint(endless) as server, Client(Endpoint(server.url, "judge"), cache) as client:
        outcome = client.ask(ask_for())
    assert outcome.problem == "failed" and "more than 1,000 bytes" in outcome.why


def test_time_to_wait_by_number_date_and_nonsense() -> None:
    now = 1_700_000_000.0
    date = email.utils.formatdate(now + 30, usegmt=True)
    told = [({"retry-after": value}, now) for value in ("12", "1.5", date, "-3", "soon", "")]
    assert [retry_after(*one) for one in told] == [12, 1.5, 30, 0, 0, 0] and retry_after({}) == 0


@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)), max_size=5))
def test_usage_adds_up(counts: list[tuple[int, int]]) -> None:
    replies = [{"usage": {"prompt_tokens": prompt, "completion_tokens": done}} for prompt, done in counts]
    total = sum(map(usage_of, replies), Usage())
    assert total == Usage(len(counts), sum(one for one, _ in counts), sum(one for _, one in counts))
    priced = Endpoint(URL, "m", prompt_price=1, answer_price=3)
    assert total.cost(priced) == pytest.approx((total.prompt_tokens + 3 * total.answer_tokens) / 1e6)
    assert total.cost(Endpoint(URL, "m", prompt_price=1)) is None


@pytest.mark.parametrize("usage", [None, [], {}, {"prompt_tokens": -1, "completion_tokens": 2}, {"prompt_tokens": "9"}])
def test_tokens_that_are_not_told_have_no_cost(usage: Any) -> None:
    found = usage_of({"usage": usage})
    assert found == Usage(1, untold=1) and found.cost(Endpoint(URL, "m", prompt_price=1, answer_price=1)) is None


def test_a_reply_comes_back_as_it_was(cache: ReplyCache) -> None:
    name = "ab" * 32
    assert cache.get(name) is None
    reply = Reply(200, {"choices": [{"message": {"content": "\ud800 é \u2028"}}]})
    cache.put(name, reply)
    assert cache.get(name) == reply


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"format": 1, "status": "200", "body": {}}'])
def test_a_damaged_reply_is_told_with_its_file(text: str, cache: ReplyCache) -> None:
    name = "ab" * 32
    cache.put(name, Reply(200, {}))
    path = cache.folder / "ab" / f"{name}.json"
    path.write_text(text)
    with pytest.raises(VeraError, match=name):
        cache.get(name)
