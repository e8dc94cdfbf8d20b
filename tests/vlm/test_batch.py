"""Batch files: the same conversations, the same cache, another way."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from tests.chat_endpoint import Said, answer, chat_endpoint, completion, error, in_turn
from tests.opinions import GOOD, Opinion, ask_for

from vera.errors import VeraError
from vera.vlm import Client, Endpoint, ReplyCache, Usage, read_results, write_batches

ENDPOINT = Endpoint("http://127.0.0.1:1/v1", "judge")


def rows(paths: list[Path]) -> list[dict[str, Any]]:
    return [json.loads(line) for path in paths for line in path.read_text().splitlines()]


def results(path: Path, said: dict[str, Said]) -> Path:
    """A file of results as services write it, without a line end after the last."""
    lines = [
        json.dumps({"custom_id": name, "error": None, "response": {"status_code": one.status, "body": one.body}})
        for name, one in said.items()
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_a_round_trip_with_a_malformed_answer_and_a_refusal(cache: ReplyCache, tmp_path: Path) -> None:
    questions = [ask_for(text) for text in ("one", "two", "three", "four")]
    first = rows(write_batches(tmp_path / "first", ENDPOINT, [*questions, questions[0]], cache))
    assert len(first) == 4 and {(row["method"], row["url"]) for row in first} == {("POST", "/v1/chat/completions")}
    names = [row["custom_id"] for row in first]
    said = [answer(GOOD), completion("hm"), error(400, "no", code="content_policy_violation"), error(500, "crashed")]
    report = read_results(results(tmp_path / "results.jsonl", dict(zip(names, said, strict=True))), cache)
    assert report.kept == 3 and report.usage == Usage(3, 200, 40) and report.failed == [f"{names[3][:12]}: crashed"]

    second = rows(write_batches(tmp_path / "second", ENDPOINT, questions, cache))
    assert len(second) == 2 and second[1]["custom_id"] == names[3]  # the complaint, and the one that crashed
    assert "cannot be used" in second[0]["body"]["messages"][-1]["content"]
    waiting = Client(ENDPOINT, cache, live=False)
    assert [waiting.ask(question).problem for question in questions] == [None, "waiting", "refused", "waiting"]
    read_results(results(tmp_path / "more.jsonl", {row["custom_id"]: answer(GOOD) for row in second}), cache)
    assert not write_batches(tmp_path / "third", ENDPOINT, questions, cache) and not (tmp_path / "third").exists()
    assert [waiting.ask(question).answer for question in questions][1:] == [
        Opinion("it fits", 4),
        None,
        Opinion("it fits", 4),
    ]


def test_a_request_has_one_name_live_and_in_batches(cache: ReplyCache, tmp_path: Path) -> None:
    [path] = write_batches(tmp_path / "batch", ENDPOINT, [ask_for()], cache)
    [row] = rows([path])
    body = json.dumps(row["body"], separators=(",", ":"))
    assert row["custom_id"] == hashlib.sha256(body.encode()).hexdigest()
    with chat_endpoint(in_turn(answer(GOOD))) as server, Client(Endpoint(server.url, "judge"), cache) as client:
        client.ask(ask_for())
        assert server.asked == [row["body"]]
    assert cache.get(row["custom_id"]) is not None
    assert not write_batches(tmp_path / "none", ENDPOINT, [ask_for()], cache)


def test_files_keep_to_their_limits(cache: ReplyCache, tmp_path: Path) -> None:
    questions = [ask_for(str(number)) for number in range(10, 20)]
    by_count = write_batches(tmp_path / "count", ENDPOINT, questions, cache, most_requests=4)
    assert [len(rows([path])) for path in by_count] == [4, 4, 2]
    size = by_count[0].stat().st_size // 4
    by_size = write_batches(tmp_path / "size", ENDPOINT, questions, cache, most_bytes=3 * size + 1)
    assert [len(rows([path])) for path in by_size] == [3, 3, 3, 1] and rows(by_size) == rows(by_count)
    # One that is larger than a file may be stands alone, for the service to say so.
    assert len(write_batches(tmp_path / "large", ENDPOINT, questions, cache, most_bytes=1)) == 10


def test_a_folder_that_is_there_is_kept(cache: ReplyCache, tmp_path: Path) -> None:
    with pytest.raises(VeraError, match="is there already"):
        write_batches(tmp_path, ENDPOINT, [ask_for()], cache)


@pytest.mark.parametrize(
    "line", ["hello", "[]", '{"custom_id": "request-1"}', '{"custom_id": "../../../etc/passwd"}', '{"custom_id": 5}']
)
def test_other_files_are_refused_with_the_line(line: str, cache: ReplyCache, tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    path.write_text(f"\n{line}\n")
    with pytest.raises(VeraError, match=r"results\.jsonl:2: "):
        read_results(path, cache)
    assert not cache.folder.exists()
