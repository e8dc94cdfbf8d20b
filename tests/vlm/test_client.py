"""Questions to an endpoint on the loopback: answers, everything that goes wrong, and what is paid for."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from threading import Barrier
from typing import Any

import pytest
from tests.chat_endpoint import KEY, Said, answer, chat_endpoint, completion, error, in_turn
from tests.opinions import GOOD, Opinion, ask_for

from vera.errors import VeraError
from vera.vlm import Client, Endpoint, ReplyCache, Usage
from vera.vlm.question import digest, encoded


def test_an_answer_is_of_its_form_and_is_paid_for_once(cache: ReplyCache) -> None:
    with chat_endpoint(in_turn(answer(GOOD))) as server:
        for _ in range(2):
            with Client(Endpoint(server.url, "judge", prompt_price=2, answer_price=10), cache) as client:
                outcome = client.ask(ask_for())
            assert outcome.answer == Opinion("it fits", 4) and outcome.usage == Usage(1, 100, 20)
        assert client.spent == Usage() and len(server.asked) == 1
        assert outcome.usage.cost(client.endpoint) == pytest.approx((100 * 2 + 20 * 10) / 1e6)
        asked = server.asked[0]
    assert asked["temperature"] == 0 and asked["model"] == "judge"
    schema = asked["response_format"]["json_schema"]["schema"]
    assert list(schema["properties"]) == ["reason", "score"] and schema["additionalProperties"] is False
    assert schema["properties"]["score"] == {"type": "integer", "enum": [1, 2, 3, 4, 5]}


def test_another_question_or_setting_is_another_request(cache: ReplyCache) -> None:
    with chat_endpoint(in_turn(answer(GOOD))) as server:
        for endpoint in (Endpoint(server.url, "judge"), Endpoint(server.url, "judge", parameters={"seed": 1})):
            with Client(endpoint, cache) as client:
                client.ask(ask_for())
                client.ask(ask_for("And this?"))
        assert len(server.asked) == 4 and server.asked[2]["seed"] == 1


@pytest.mark.parametrize(
    ("bad", "complaint"),
    [
        (completion("I like it"), "malformed"),
        (answer({"reason": "x", "score": 9}), "Invalid enum value 9"),
        (answer({"reason": "x"}), "missing required field `score`"),
        (answer({"reason": "x", "score": 3, "more": 1}), "unknown field"),
        (completion('{"reason": "x", "sc', finish="length"), "cut off"),
        (completion(None), "truncated"),
        (completion('{"reason": "\ud800", "score": 3}'), "surrogates"),
    ],
)
def test_a_malformed_answer_is_told_and_asked_again(bad: Said, complaint: str, cache: ReplyCache) -> None:
    with chat_endpoint(in_turn(bad, answer(GOOD))) as server, Client(Endpoint(server.url, "judge"), cache) as client:
        outcome = client.ask(ask_for())
        assert outcome.answer == Opinion("it fits", 4) and outcome.usage.replies == 2
        first, second = server.asked
    assert second["messages"][:2] == first["messages"]
    assert second["messages"][2]["role"] == "assistant" and complaint in second["messages"][3]["content"]


def test_answers_that_never_have_the_form_are_told_and_paid_for_once(cache: ReplyCache) -> None:
    with chat_endpoint(in_turn(completion("no idea"))) as server:
        for _ in range(2):
            with Client(Endpoint(server.url, "judge", reasks=2), cache) as client:
                outcome = client.ask(ask_for())
            assert outcome.answer is None and outcome.problem == "malformed" and "no idea" in outcome.why
        assert len(server.asked) == 3


@pytest.mark.parametrize(
    "text", ['```json\n{"reason": "a", "score": 2}\n```', '<think>{5}</think>{"reason":"a","score":2}']
)
def test_answers_among_thoughts_or_fences_count(text: str, cache: ReplyCache) -> None:
    with chat_endpoint(in_turn(completion(text))) as server:
        with Client(Endpoint(server.url, "judge", structured="none"), cache) as client:
            assert client.ask(ask_for()).answer == Opinion("a", 2)
        assert "response_format" not in server.asked[0] and '"enum"' in server.asked[0]["messages"][0]["content"]


@pytest.mark.parametrize(
    "refusal",
    [
        completion(None, refusal="I will not judge this."),
        completion("", finish="content_filter"),
        error(400, "I will not judge this.", code="content_policy_violation"),
    ],
)
def test_a_refusal_is_told_as_one_and_paid_for_once(refusal: Said, cache: ReplyCache) -> None:
    with chat_endpoint(in_turn(refusal)) as server:
        for _ in range(2):
            with Client(Endpoint(server.url, "judge"), cache) as client:
                outcome = client.ask(ask_for())
            assert outcome.problem == "refused" and ("will not judge" in outcome.why or "filter" in outcome.why)
        assert len(server.asked) == 1


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 529])
def test_what_passes_is_tried_again(status: int, cache: ReplyCache, waits: list[float]) -> None:
    busy = error(status)
    with (
        chat_endpoint(in_turn(busy, busy, answer(GOOD))) as server,
        Client(Endpoint(server.url, "judge"), cache) as client,
    ):
        assert client.ask(ask_for()).answer == Opinion("it fits", 4)
        assert len(server.asked) == 3 and client.spent.replies == 1
    assert 0.25 <= waits[0] <= 0.5 <= waits[1] <= 1


def test_an_endpoint_that_names_a_time_is_given_it(cache: ReplyCache, waits: list[float]) -> None:
    busy = error(429, headers={"Retry-After": "7"})
    with chat_endpoint(in_turn(busy, answer(GOOD))) as server, Client(Endpoint(server.url, "judge"), cache) as client:
        client.ask(ask_for())
    assert waits == [7]


@pytest.mark.parametrize("headers", [{"Retry-After": "86400"}])
def test_an_endpoint_that_asks_for_a_day_ends_the_work(headers: dict[str, str], cache: ReplyCache) -> None:
    with (
        chat_endpoint(in_turn(error(429, headers=headers))) as server,
        Client(Endpoint(server.url, "judge"), cache) as client,
    ):
        with pytest.raises(VeraError, match="asks to wait 86400 s"):
            client.ask(ask_for())
        assert len(server.asked) == 1


def test_a_question_without_reply_fails_alone_and_is_asked_again(cache: ReplyCache) -> None:
    endless = {"down": True}

    def says(body: dict[str, object]) -> Said:
        return error(500) if endless["down"] and "two" in str(body) else answer(GOOD)

    questions = [ask_for(text) for text in ("one", "two", "three")]
    with chat_endpoint(says) as server:
        endpoint = Endpoint(server.url, "judge", tries=2)
        with Client(endpoint, cache) as client:
            outcomes = list(client.ask_all(questions, at_once=1))
        assert [outcome.problem for outcome in outcomes] == [None, "failed", None] and "500" in outcomes[1].why
        endless["down"] = False
        with Client(endpoint, cache) as client:
            assert all(outcome.answer for outcome in client.ask_all(questions))
        assert client.spent.replies == 1


def test_an_endpoint_that_is_down_ends_the_work(cache: ReplyCache) -> None:
    with chat_endpoint(in_turn(error(500, "out of memory"))) as server:
        with Client(Endpoint(server.url, "judge", tries=2), cache) as client, pytest.raises(VeraError) as raised:
            list(client.ask_all((ask_for(str(number)) for number in range(50)), at_once=2))
        assert "3 questions in a row got no reply" in str(raised.value) and "out of memory" in str(raised.value)
        assert len(server.asked) <= 2 * 4


def test_a_time_out_is_tried_again(cache: ReplyCache) -> None:
    slow = Said(body={}, delay=0.6)
    with chat_endpoint(in_turn(slow, answer(GOOD))) as server:
        with Client(Endpoint(server.url, "judge", timeout=0.2), cache) as client:
            assert client.ask(ask_for()).answer == Opinion("it fits", 4)
        assert len(server.asked) == 2
        with Client(Endpoint(server.url, "judge", timeout=0.2, tries=1), cache) as client:
            server.says = in_turn(slow)
            outcome = client.ask(ask_for("again"))
    assert outcome.problem == "failed" and "does not reply in 0.2 s" in outcome.why


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (error(401, f"Incorrect API key: {KEY}"), "refuses access (401); is the key in VERA_TEST_KEY right?"),
        (error(403, f"bad {KEY}"), "refuses access (403)"),
        (error(429, f"no money, {KEY}", code="insufficient_quota"), "has no credit left (no money, [key])"),
        (Said(body=b"<html>hello</html>"), "replies with no JSON object"),
        (Said(body={"object": "list"}), "replies with no completion"),
        (Said(302, {}, {"Location": "http://127.0.0.1:1/"}), "replies 302"),
    ],
)
def test_what_no_question_would_survive_is_one_line_without_the_key(
    said: Said, message: str, cache: ReplyCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VERA_TEST_KEY", KEY)
    with chat_endpoint(in_turn(said)) as server:
        endpoint = Endpoint(server.url, "judge", "VERA_TEST_KEY")
        with Client(endpoint, cache) as client, pytest.raises(VeraError) as raised:
            for _ in range(3):
                client.ask(ask_for())
        assert message in str(raised.value) and KEY not in str(raised.value)
        assert set(server.keys) == {f"Bearer {KEY}"}


def test_a_missing_model_is_told_with_those_that_there_are(cache: ReplyCache) -> None:
    with chat_endpoint(in_turn(answer(GOOD)), ("qwen", "llava")) as server:
        with Client(Endpoint(server.url, "judge"), cache) as client, pytest.raises(VeraError) as raised:
            client.ask(ask_for())
        assert "has no model 'judge'" in str(raised.value) and "it serves qwen, llava" in str(raised.value)
        assert len(server.asked) == 1


def test_nothing_there_is_told(cache: ReplyCache) -> None:
    with chat_endpoint(in_turn(answer(GOOD))) as server:
        url = server.url
    with Client(Endpoint(url, "judge", tries=2), cache) as client, pytest.raises(VeraError, match="cannot be reached"):
        client.ask(ask_for())


def test_the_key_is_nowhere_but_in_its_header(
    cache: ReplyCache, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VERA_TEST_KEY", KEY)
    said = completion(f'{{"reason": "your key is {KEY}", "score": 3}}', usage={"note": KEY})
    with (
        chat_endpoint(in_turn(said)) as server,
        Client(Endpoint(server.url, "judge", "VERA_TEST_KEY"), cache) as client,
    ):
        outcome = client.ask(ask_for())
        assert KEY not in repr(outcome) + repr(vars(client)) + repr(vars(client._transport))
    assert outcome.answer == Opinion("your key is [key]", 3) and outcome.usage.untold == 1
    kept = [path for path in cache.folder.rglob("*") if path.is_file()]
    assert kept and not any(KEY.encode() in path.read_bytes() for path in kept)
    assert KEY not in "".join(capfd.readouterr())


@pytest.mark.parametrize(("value", "message"), [(None, "is not set"), ("", "is not set"), ("a\nb c", "odd characters")])
def test_a_key_that_is_missing_or_none_is_told_without_it(
    value: str | None, message: str, cache: ReplyCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VERA_TEST_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("VERA_TEST_KEY", value)
    with pytest.raises(VeraError, match=message) as raised:
        Client(Endpoint("http://127.0.0.1:1/v1", "judge", "VERA_TEST_KEY"), cache)
    assert "a\nb" not in str(raised.value) and "b c" not in str(raised.value)


def test_one_question_asked_by_many_at_once_is_paid_for_once(cache: ReplyCache) -> None:
    with chat_endpoint(in_turn(answer(GOOD))) as server, Client(Endpoint(server.url, "judge"), cache) as client:
        assert all(outcome.answer for outcome in client.ask_all([ask_for()] * 8, at_once=8))
        assert len(server.asked) == 1


def test_questions_are_asked_at_once_and_come_in_order(cache: ReplyCache) -> None:
    together = Barrier(3, timeout=20)  # breaks unless three requests are under way at a time

    def says(body: dict[str, object]) -> Said:
        text = body["messages"][1]["content"][0]["text"]  # type: ignore[index]
        return answer({"reason": text, "score": 1})

    class Client3(Client):
        def ask(self, question):  # type: ignore[no-untyped-def]
            together.wait()
            return super().ask(question)

    with chat_endpoint(says) as server, Client3(Endpoint(server.url, "judge"), cache) as client:
        outcomes = list(client.ask_all([ask_for(str(number)) for number in range(9)], at_once=3))
    assert [outcome.answer.reason for outcome in outcomes if outcome.answer] == [str(number) for number in range(9)]


SCRIPT = """
import sys
from pathlib import Path
from tests.opinions import ask_for
from vera.vlm import Client, Endpoint, ReplyCache
count, at_once = map(int, sys.argv[3:])
with Client(Endpoint(sys.argv[1], "judge"), ReplyCache(Path(sys.argv[2]))) as client:
    for outcome in client.ask_all((ask_for(str(number)) for number in range(count)), at_once):
        print(outcome.answer.reason, flush=True)
"""


def test_killed_work_goes_on_and_pays_for_nothing_twice(cache: ReplyCache) -> None:
    def says(body: dict[str, object]) -> Said:
        return answer({"reason": body["messages"][1]["content"][0]["text"], "score": 1})  # type: ignore[index]

    root = Path(__file__).parents[2]
    with chat_endpoint(says) as server:
        command = [sys.executable, "-c", SCRIPT, server.url, cache.folder, "12", "1"]
        environment = {**os.environ, "PYTHONPATH": f"{root / 'src'}:{root}"}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as killed:
            assert killed.stdout is not None
            seen = [killed.stdout.readline() for _ in range(5)]
            killed.send_signal(signal.SIGKILL)
        assert seen == [f"{number}\n" for number in range(5)]
        before = len(server.asked)
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        assert done.stdout.split() == [str(number) for number in range(12)]
        texts = [asked["messages"][1]["content"][0]["text"] for asked in server.asked]
    # The request under way when the kill came may be asked again; none with a reply on the disk is.
    assert len(texts) <= 12 + 1 and len(set(texts)) == 12 and before >= 5


@pytest.mark.slow
def test_killed_twenty_times_it_never_asks_what_has_a_reply_on_the_disk(cache: ReplyCache) -> None:
    kills, count, at_once = 20, 400, 4
    again: list[str] = []

    def says(body: dict[str, Any]) -> Said:
        name = digest(encoded(body))
        if cache.get(name) is not None:
            again.append(name)
        return Said(200, answer({"reason": body["messages"][1]["content"][0]["text"], "score": 1}).body, delay=0.02)

    root, random = Path(__file__).parents[2], Random(0)
    environment = {**os.environ, "PYTHONPATH": f"{root / 'src'}:{root}"}
    with chat_endpoint(says) as server:
        command = [
            sys.executable,
            "-X",
            "faulthandler",
            "-c",
            SCRIPT,
            server.url,
            cache.folder,
            str(count),
            str(at_once),
        ]
        for _ in range(kills):
            before = len(server.asked)
            with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment) as killed:
                while len(server.asked) == before and killed.poll() is None:
                    time.sleep(0.001)
                time.sleep(random.uniform(0, 0.15))
                killed.send_signal(signal.SIGKILL)
            assert killed.returncode == -signal.SIGKILL
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        total = len(server.asked)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(number) for number in range(count)]
    assert not again and count <= total <= count + kills * at_once
    print(f"{kills} kills, {count} questions: {total} requests, {len(again)} of them with a reply on the disk")
