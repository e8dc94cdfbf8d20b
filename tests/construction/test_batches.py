"""Words by batch files: asked of nobody until their results are read, and then as if they had been asked live."""

import errno
import json
from pathlib import Path
from typing import Any

import pytest
from tests.chat_endpoint import answer, chat_endpoint
from tests.construction.adapters.test_writer import ADDED
from tests.construction.test_networks import setup, writer

from vera.cli import main
from vera.construction import batches
from vera.construction.batches import read_replies, write_requests
from vera.construction.construct import build_samples, build_status
from vera.errors import VeraError
from vera.vlm import write_batches

NOWHERE = "http://127.0.0.1:9/v1"


def batched(url: str = NOWHERE) -> str:
    return writer(url).replace("frames: 2", "frames: 2, batch: true")


def results(requests: Path, out: Path, told: Any) -> Path:
    """A file of results in which every request is answered alike."""
    rows = []
    for line in requests.read_text("utf-8").splitlines():
        response = {"status_code": 200, "body": answer(told).body}
        rows.append({"custom_id": json.loads(line)["custom_id"], "response": response, "error": None})
    out.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    return out


def test_words_wait_for_replies_to_batch_files(tmp_path: Path) -> None:
    out = tmp_path / "out"
    recipe = setup(tmp_path, "", batched())
    for _ in range(2):
        report = build_samples(recipe, out)
        assert (report.samples, report.deferred, report.waiting) == (0, {"words": 1}, {})
    assert build_status(out).deferred == {"words": 1}
    (events,) = {row["status"] for row in _events(out) if row["stage"] == "o1/words"}
    assert events == "deferred"

    (first,) = write_requests(out, tmp_path / "requests")
    assert first == tmp_path / "requests" / "words" / "batch-001.jsonl"
    malformed = results(first, tmp_path / "first.jsonl", {**ADDED, "instruction": "A ball, please do."})
    assert read_replies(out, malformed).kept == 1
    assert build_samples(recipe, out).deferred == {"words": 1}
    (second,) = write_requests(out, tmp_path / "further")
    assert "does not begin with" in second.read_text("utf-8")
    read_replies(out, results(second, tmp_path / "second.jsonl", ADDED))
    assert write_requests(out, tmp_path / "none") == [] and not (tmp_path / "none").exists()

    report = build_samples(recipe, out)
    assert (report.samples, report.deferred) == (1, {})
    (path,) = (out / "dataset").rglob("realistic-set1-obj-add.jsonl")
    row = json.loads(path.read_text("utf-8"))
    assert row["edit_instruction"] == ADDED["instruction"]
    assert row["provenance"]["instruction_by"] == "writer"


def test_replies_to_batches_and_live_ones_are_the_same(tmp_path: Path) -> None:
    """Whether it is asked live or by batches does not change what was made, and what waits is asked once it is live."""
    out = tmp_path / "out"
    recipe = setup(tmp_path, "", batched())
    build_samples(recipe, out)
    with chat_endpoint(lambda body: answer(ADDED), models=("writer",)) as endpoint:
        recipe.write_text(recipe.read_text("utf-8").replace(batched(), writer(endpoint.url)), "utf-8")
        assert build_samples(recipe, out).samples == 1
        assert len(endpoint.asked) == 1
    recipe.write_text(recipe.read_text("utf-8").replace(writer(endpoint.url), batched()), "utf-8")
    report = build_samples(recipe, out)
    assert (report.samples, report.deferred) == (1, {})


def test_the_command_line_writes_and_reads_batches(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    recipe = setup(tmp_path, "", batched())
    assert main(["data", "build", str(recipe), "--out", str(out)]) == 0
    assert "deferred 1 words" in capsys.readouterr().out
    assert main(["data", "build", "write-batch", str(out), str(tmp_path / "requests")]) == 0
    path = tmp_path / "requests" / "words" / "batch-001.jsonl"
    assert capsys.readouterr().out.split() == ["requests", str(path)]
    told = results(path, tmp_path / "results.jsonl", ADDED)
    assert main(["data", "build", "read-batch", str(out), str(told), str(tmp_path / "missing.jsonl")]) == 2
    assert "results.jsonl: 1 replies" in (printed := capsys.readouterr()).out  # which is kept, whatever the next is
    assert "missing.jsonl" in printed.err
    assert main(["data", "build", str(recipe), "--out", str(out)]) == 0
    assert main(["data", "build", "write-batch", str(out), str(tmp_path / "more")]) == 0
    assert "nothing to send" in capsys.readouterr().out


@pytest.mark.parametrize("end", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_what_ends_the_writing_leaves_no_part_of_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: BaseException
) -> None:
    """Also after the requests of a stage were written: else the same command would take them for all."""
    out = tmp_path / "out"
    build_samples(setup(tmp_path, "", batched()), out)
    there = set(tmp_path.iterdir())

    def full(*args: Any) -> list[Path]:
        write_batches(*args)
        raise end

    with monkeypatch.context() as patched:
        patched.setattr(batches, "write_batches", full)
        with pytest.raises(type(end)):
            write_requests(out, tmp_path / "requests")
    assert set(tmp_path.iterdir()) == there
    assert write_requests(out, tmp_path / "requests") == [tmp_path / "requests" / "words" / "batch-001.jsonl"]
    assert set(tmp_path.iterdir()) == {*there, tmp_path / "requests"}


@pytest.mark.parametrize("live", [True, False])
def test_what_cannot_be_written_or_read_is_one_line(tmp_path: Path, live: bool) -> None:
    out = tmp_path / "out"
    with pytest.raises(VeraError, match="holds no build"):
        write_requests(out, tmp_path / "requests")
    with pytest.raises(VeraError, match="holds no build"):
        read_replies(out, tmp_path / "results.jsonl")
    recipe = setup(tmp_path, "", writer(NOWHERE) if live else batched())
    build_samples(recipe, out, until="layers")
    if live:
        with pytest.raises(VeraError, match="batch: true"):
            write_requests(out, tmp_path / "requests")
        return
    (tmp_path / "requests").mkdir()
    with pytest.raises(VeraError, match="is there already"):
        write_requests(out, tmp_path / "requests")
    (tmp_path / "other.jsonl").write_text('{"a": 1}\n', "utf-8")
    with pytest.raises(VeraError, match=r"other\.jsonl:1"):
        read_replies(out, tmp_path / "other.jsonl")


def _events(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for path in (out / "events").glob("*.jsonl") for line in path.read_text().splitlines()]
