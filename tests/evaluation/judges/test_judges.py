"""Judges over a served model: scores, what is kept, and what is paid for."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.chat_endpoint import Said, answer, chat_endpoint, completion, error
from tests.clips import make_clip

from vera.cli import main
from vera.errors import VeraError
from vera.evaluation.judges import JudgedCase, Shown, VlmJudge, judge_cases, read_judged_cases
from vera.evaluation.judges.rows import rows_of_others, rows_path
from vera.vlm import Client, Endpoint, ReplyCache

COUNT = 4


@pytest.fixture(scope="session")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four edits of one source, as JSONL."""
    folder = tmp_path_factory.mktemp("judged")
    make_clip(folder / "source.mp4", 5)
    rows = []
    for number in range(COUNT):
        make_clip(folder / f"edit{number}.mp4", 5, size=(48, 32))
        row = {"case": f"c{number}", "instruction": f"Add number {number}.", "source": "source.mp4"}
        rows.append(row | {"result": f"edit{number}.mp4", "method": "ours", "task": "obj_add"})
    path = folder / "cases.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def number_of(body: dict[str, Any]) -> int:
    """Which case a request is about."""
    return int(body["messages"][1]["content"][0]["text"].split("number ")[1][0])


def says(body: dict[str, Any]) -> Said:
    """Score case n by n + 1 in space, 5 in time, 5 - n by the instruction."""
    number = number_of(body)
    if body["response_format"]["json_schema"]["name"] == "Composition":
        return answer({"spatial_reason": "s", "spatial": number + 1, "temporal_reason": "t", "temporal": 5})
    return answer({"reason": "i", "score": 5 - number})


def judged(url: str, out: Path, cases: list[JudgedCase], name: str = "judge", **options: Any) -> Any:
    with Client(Endpoint(url, "judge", tries=1, **options), ReplyCache(out / "replies")) as client:
        return judge_cases(out, cases, VlmJudge(name, client, Shown(frames=3)), at_once=2)


def test_each_case_is_shown_and_scored(listed: Path, tmp_path: Path) -> None:
    cases = read_judged_cases(listed)
    with chat_endpoint(says) as server:
        found = judged(server.url, tmp_path, cases)
        assert len(server.asked) == 2 * COUNT
        content = server.asked[0]["messages"][1]["content"]
    assert [row.scores for row in found.rows] == [{"CS": n + 1, "CT": 5, "IS": 5 - n} for n in range(COUNT)]
    assert found.rows[1].reasons == {"CS": "s", "CT": "t", "IS": "i"} and found.rows[0].prompt_tokens == 200
    assert [part["type"] for part in content] == [
        "text",
        "text",
        *["image_url"] * 3,
        "text",
        *["image_url"] * 3,
        "text",
    ]
    assert not found.unanswered


def test_what_was_judged_is_not_asked_again_unless_it_changed(listed: Path, tmp_path: Path) -> None:
    cases = read_judged_cases(listed)
    with chat_endpoint(says) as server:
        first = judged(server.url, tmp_path, cases)
        assert judged(server.url, tmp_path, cases).rows == first.rows and len(server.asked) == 2 * COUNT
        # Rows lost: they come from the replies. Replies lost: from the rows.
        (tmp_path / "verdicts" / "judge.jsonl").unlink()
        assert judged(server.url, tmp_path, cases).rows == first.rows and len(server.asked) == 2 * COUNT
        for path in (tmp_path / "replies").rglob("*.json"):
            path.unlink()
        assert judged(server.url, tmp_path, cases).rows == first.rows and len(server.asked) == 2 * COUNT
        other = make_clip(tmp_path / "other.mp4", 5, size=(64, 32))
        changed = [JudgedCase("c0", cases[0].instruction, cases[0].source, other, "ours", "obj_add"), *cases[1:]]
        judged(server.url, tmp_path, changed)
        assert len(server.asked) == 2 * COUNT + 2
        judged(server.url, tmp_path, changed, parameters={"seed": 1})
        assert len(server.asked) == 4 * COUNT + 2


def test_refusals_are_kept_and_failures_are_asked_again(listed: Path, tmp_path: Path) -> None:
    down = [True]

    def unwilling(body: dict[str, Any]) -> Said:
        composition = body["response_format"]["json_schema"]["name"] == "Composition"
        if number_of(body) == 1 and composition:
            return completion(None, refusal="not this one")
        if number_of(body) == 2 and not composition and down[0]:
            return error(500)
        return says(body)

    cases = read_judged_cases(listed)
    with chat_endpoint(unwilling) as server:
        found = judged(server.url, tmp_path, cases)
        assert [row.case for row in found.rows] == ["c0", "c1", "c3"] and list(found.unanswered) == [("c2", "ours")]
        assert found.rows[1].scores == {"IS": 4} and found.rows[1].problems["CS"] == "refused: not this one"
        down[0], before = False, len(server.asked)
        found = judged(server.url, tmp_path, cases)
        assert len(found.rows) == COUNT and not found.unanswered and len(server.asked) == before + 1


def test_video_is_sent_where_it_is_asked_for(listed: Path, tmp_path: Path) -> None:
    cases = read_judged_cases(listed)[:1]
    with chat_endpoint(says) as server, Client(Endpoint(server.url, "judge"), ReplyCache(tmp_path)) as client:
        judge_cases(tmp_path, cases, VlmJudge("v", client, Shown("video")))
        content = server.asked[0]["messages"][1]["content"]
    assert [part["type"] for part in content] == ["text", "text", "video_url", "text", "video_url", "text"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no cases"),
        ("5\n", "is no JSON object"),
        ('{"case": "a"}\n', "instruction is a text"),
        ('{"case": 1, "instruction": "i", "source": "s", "result": "r"}\n', "case is a text, not 1"),
        ('{"case": "a", "instruction": "i", "source": "s.mp4", "result": "r.mp4"}\n', "there is no clip"),
    ],
)
def test_cases_that_cannot_be_judged_are_told(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "cases.jsonl"
    path.write_text(text)
    with pytest.raises(VeraError, match=message):
        read_judged_cases(path)


def test_two_results_of_one_case_are_told(listed: Path, tmp_path: Path) -> None:
    twice = listed.with_name("twice.jsonl")
    text = listed.read_text(encoding="utf-8")
    twice.write_text(text + text.splitlines()[0] + "\n", encoding="utf-8")
    with pytest.raises(VeraError, match=r"twice\.jsonl:5: 'c0' has two results of ours"):
        read_judged_cases(twice)


def run(*more: object) -> int:
    return main(["evaluate", "judge", *map(str, more)])


def test_the_command_prints_all_judges_and_what_was_spent(
    listed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with chat_endpoint(says, ("judge", "other")) as server:
        common = (listed, "--endpoint", server.url, "--out", tmp_path / "out", "--frames", 2)
        prices = ("--prompt-price", 1, "--answer-price", 10)
        assert run(*common, "--model", "judge", *prices) == 0
        first = capsys.readouterr().out
        assert "| obj_add | ours | CS | 2.50 (4) |" in first and "agreement" not in first
        assert "now: 8 replies, 800 + 160 tokens, cost 0.0024" in first
        assert run(*common, "--model", "other") == 0
        both = capsys.readouterr().out
    assert "| obj_add | ours | IS | 3.50 (4) | 3.50 (4) | 3.50 (4) |" in both
    assert "agreement of judges, CS: Krippendorff's alpha 1.00 [1.00, 1.00]" in both
    assert "agreement of judges, CT: not available (agreement: all values are equal" in both
    assert (tmp_path / "out" / "judges.md").read_text() in both


def test_the_command_by_batch_files(listed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    common = (
        listed,
        "--endpoint",
        "http://127.0.0.1:1/v1",
        "--model",
        "judge",
        "--out",
        tmp_path / "out",
        "--frames",
        2,
    )
    common += ("--key-variable", "VERA_NO_SUCH_KEY")  # files need none
    assert run(*common, "--write-batch", tmp_path / "batch") == 0
    assert f"requests {tmp_path}/batch/batch-001.jsonl" in capsys.readouterr().out
    rows = [json.loads(line) for line in (tmp_path / "batch" / "batch-001.jsonl").read_text().splitlines()]
    done = [
        {"custom_id": row["custom_id"], "response": {"status_code": 200, "body": says(row["body"]).body}}
        for row in rows
    ]
    results = tmp_path / "results.jsonl"
    results.write_text("".join(json.dumps(row) + "\n" for row in done[:-1]))
    assert run(*common, "--read-batch", results) == 0
    assert "1 of 4 edits have no verdict yet, such as c3 ours: waiting" in capsys.readouterr().out
    results.write_text("".join(json.dumps(row) + "\n" for row in done))
    assert run(*common, "--read-batch", results) == 0
    assert "| obj_add | ours | CT | 5.00 (4) |" in capsys.readouterr().out
    assert run(*common, "--write-batch", tmp_path / "more") == 0
    assert "every question has its answer" in capsys.readouterr().out and not (tmp_path / "more").exists()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (lambda url: ("--endpoint", url, "--model", "nobody"), "has no model 'nobody'"),
        (lambda url: ("--endpoint", url, "--model", "judge", "--key-variable", "VERA_NO_SUCH_KEY"), "is not set"),
        (lambda url: ("--endpoint", "here", "--model", "judge"), "is no URL"),
        (lambda url: ("--endpoint", url, "--model", "judge", "--set", "seed"), "--set is name=value"),
        (lambda url: ("--endpoint", url, "--model", "judge", "--at-once", "0"), "at least 1 request"),
        (lambda url: ("--endpoint", url, "--model", "judge", "--frames", "0"), "at least 1 is shown"),
        (lambda url: ("--endpoint", url, "--model", "judge", "--media", "video", "--max-tokens", "0"), "max_tokens"),
    ],
)
def test_bad_input_is_one_line(
    more: Callable[[str], tuple[str, ...]],
    message: str,
    listed: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with chat_endpoint(says) as server:
        assert run(listed, "--out", tmp_path / "out", *more(server.url)) == 2
    err = capsys.readouterr().err
    assert message in err and err.count("\n") == 1


def judge_command(listed: Path, url: str, *options: object) -> list[Any]:
    asked = ["evaluate", "judge", listed, "--endpoint", url, "--model", "judge"]
    return [sys.executable, "-m", "vera", *asked, *options]


def test_a_killed_run_goes_on_and_pays_for_nothing_twice(listed: Path, tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    environment = {**os.environ, "PYTHONPATH": f"{root / 'src'}:{root}"}
    with chat_endpoint(lambda body: held(body, says(body))) as server:
        out = tmp_path / "out"
        command = judge_command(listed, server.url, "--out", out, "--frames", "2", "--at-once", "1")
        with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as killed:
            while len(server.asked) < 4 and killed.poll() is None:
                time.sleep(0.005)  # the fourth request is under way, for a tenth of a second
            killed.send_signal(signal.SIGKILL)
        assert killed.returncode == -signal.SIGKILL
        kept = len(list((out / "replies").rglob("[0-9a-f]*.json")))
        assert 3 <= kept < 2 * COUNT
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "| obj_add | ours | CS | 2.50 (4) |" in done.stdout
    assert f"now: {2 * COUNT - kept} replies" in done.stdout  # what had a reply on the disk is not asked again
    assert len({json.dumps(asked) for asked in server.asked}) == 2 * COUNT and len(server.asked) <= 2 * COUNT + 1


def test_an_interruption_does_not_wait_for_the_next_try(listed: Path, tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    environment = {**os.environ, "PYTHONPATH": f"{root / 'src'}:{root}"}
    with chat_endpoint(lambda body: error(429, headers={"Retry-After": "200"})) as server:
        command = judge_command(listed, server.url, "--out", tmp_path / "out", "--frames", "2")
        with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as stopped:
            while len(server.asked) < COUNT and stopped.poll() is None:
                time.sleep(0.005)
            stopped.send_signal(signal.SIGINT)
            _, err = stopped.communicate(timeout=100)
    assert stopped.returncode == 130 and err == "vera: interrupted\n"


def test_a_clip_that_cannot_be_read_is_told(listed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = json.loads(listed.read_text(encoding="utf-8").splitlines()[0])
    (tmp_path / "edit.mp4").write_bytes(b"no video")
    row |= {"source": str(listed.with_name("source.mp4")), "result": "edit.mp4"}
    (tmp_path / "cases.jsonl").write_text(json.dumps(row), encoding="utf-8")
    with chat_endpoint(says) as server:
        assert (
            run(tmp_path / "cases.jsonl", "--endpoint", server.url, "--model", "judge", "--out", tmp_path / "out") == 2
        )
        assert not server.asked
    err = capsys.readouterr().err
    assert "edit.mp4" in err and err.count("\n") == 1


@pytest.mark.faults
def test_verdicts_on_an_earlier_edit_do_not_count(
    listed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [json.loads(line) for line in listed.read_text(encoding="utf-8").splitlines()[:2]]
    for row in rows:
        row["source"] = str(listed.with_name("source.mp4"))
        (tmp_path / row["result"]).write_bytes(listed.with_name(row["result"]).read_bytes())
    cases = tmp_path / "cases.jsonl"
    cases.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with chat_endpoint(says, ("judge", "other")) as server:
        common = (cases, "--endpoint", server.url, "--out", tmp_path / "out", "--frames", 2)
        assert run(*common, "--model", "judge") == 0
        make_clip(tmp_path / "edit0.mp4", 5, size=(64, 32))
        assert run(*common, "--model", "other") == 0
        half = capsys.readouterr().out
        make_clip(tmp_path / "edit1.mp4", 5, size=(64, 32))
        assert run(*common, "--model", "other") == 0
        none = capsys.readouterr().out
        assert run(*common, "--model", "judge") == 0
    assert "| CS | 1.50 (2) | 2.00 (1) | 2.00 (1) |" in half and "judge: judged an earlier edit in 1 cases" in half
    assert "| CS | 1.50 (2) | not available | not available |" in none and "no score for" not in none
    assert "| CS | 1.50 (2) | 1.50 (2) | 1.50 (2) |" in capsys.readouterr().out, "asked again, both count"


@pytest.mark.faults
def test_verdicts_of_files_that_do_not_name_the_edit_still_count(listed: Path, tmp_path: Path) -> None:
    cases = read_judged_cases(listed)
    with chat_endpoint(says) as server:
        found = judged(server.url, tmp_path, cases)
    path = rows_path(tmp_path, "judge")
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    old = [{name: value for name, value in row.items() if name != "edit"} for row in rows]
    path.write_text("".join(json.dumps(row) + "\n" for row in old), encoding="utf-8")
    kept = rows_of_others(tmp_path, "another", cases)
    assert [row.scores for row in kept] == [row.scores for row in found.rows]


@pytest.mark.faults
def test_a_new_folder_without_any_reply_says_why(
    listed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = listed.with_name("one.jsonl")  # three in a row would end the work
    one.write_text(listed.read_text(encoding="utf-8").splitlines()[0], encoding="utf-8")
    with chat_endpoint(lambda body: error(400)) as server:
        assert run(one, "--endpoint", server.url, "--model", "judge", "--out", tmp_path / "new" / "out") == 2
    err = capsys.readouterr().err
    assert "1 of 1 edits have no verdict yet" in err and "replies 400" in err


def held(body: dict[str, Any], said: Said) -> Said:
    return Said(said.status, said.body, delay=0.1)
