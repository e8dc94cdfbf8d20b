"""Logs of decisions: the last counts, and a bad line is named."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from vera.construction.decisions import held_decisions, import_decisions, next_log, read_decisions
from vera.construction.engine.state import last_counting
from vera.errors import VeraError

CLIP = "0123456789abcdef"
CHOSEN = {"clip": CLIP, "gate": "annotate", "by": "anna", "objects": [{"noun": "cat", "prompts": [{"frame": 0}]}]}
VERDICT = {"clip": CLIP, "gate": "filter", "by": "anna", "object": "o1", "accept": True}


def write(path: Path, *rows: Any) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_of_one_thing_the_last_counts(tmp_path: Path) -> None:
    first = write(tmp_path / "a.jsonl", CHOSEN, VERDICT)
    last = write(tmp_path / "b.jsonl", {**VERDICT, "accept": False, "reason": "ghost"})
    found = read_decisions([first, last])
    assert found[CLIP, "o1", "filter"] == [{"by": "anna", "accept": False, "reason": "ghost"}]
    assert [told["objects"] for told in found[CLIP, "", "annotate"]] == [CHOSEN["objects"]]


def test_of_those_that_count_the_last_is_taken(tmp_path: Path) -> None:
    """A decision hides those before it only where it counts itself; what it hides everywhere is not kept."""
    of: list[dict[str, str]] = [{}, {"remove": "a"}, {"remove": "b"}, {"remove": "b", "matte": "c"}, {"remove": "a"}]
    log = write(tmp_path / "a.jsonl", *({**VERDICT, "by": f"p{n}", "of": one} for n, one in enumerate(of)))
    said = read_decisions([log])[CLIP, "o1", "filter"]
    assert [told["by"] for told in said] == ["p0", "p2", "p3", "p4"]
    for made, by in (("a", "p4"), ("b", "p2"), ("z", "p0")):
        assert (last_counting(said, {"remove": made}) or {})["by"] == by
    assert (last_counting(said, {"remove": "b", "matte": "c"}) or {})["by"] == "p3"
    assert last_counting(said[1:], {"remove": "z"}) is None


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({**CHOSEN, "unusable": "blurred"}, "either objects or unusable"),
        ({**CHOSEN, "objects": []}, "either objects or unusable"),
        ({**CHOSEN, "objects": [{"noun": "cat"}]}, "prompts, or the number of a proposal"),
        ({**CHOSEN, "objects": [{"noun": "", "proposal": 0}]}, "noun: has a length"),
        ({**CHOSEN, "clip": "x"}, "clip: has a length"),
        ({**CHOSEN, "gate": "publish"}, "gate: is one of annotate, filter"),
        ({**VERDICT, "object": ""}, "filter is of an object"),
        ({**VERDICT, "accept": None}, "filter is of an object"),
        ({**VERDICT, "accept": "yes"}, "accept: is bool"),
        ({"clip": CLIP, "gate": "filter"}, "missing by"),
        ([], "is no JSON object"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, row: Any, told: str) -> None:
    log = write(tmp_path / "log.jsonl", VERDICT, row)
    with pytest.raises(VeraError, match=rf"log.jsonl:2: .*{told}|log.jsonl:2: {told}"):
        import_decisions(log, tmp_path / "decisions")
    assert not held_decisions(tmp_path / "decisions")


@pytest.mark.faults
def test_a_last_line_without_its_end_is_taken_and_one_that_was_cut_is_named(tmp_path: Path) -> None:
    log = write(tmp_path / "log.jsonl", CHOSEN, VERDICT)
    whole = log.read_bytes().rstrip()
    log.write_bytes(whole)
    assert import_decisions(log, tmp_path / "held") == len(read_decisions([log])) == 2
    log.write_bytes(whole[:-5])
    with pytest.raises(VeraError, match=r"log.jsonl:2: is not JSON"):
        import_decisions(log, tmp_path / "held")
    assert len(held_decisions(tmp_path / "held")) == 1


@pytest.mark.faults
def test_imports_at_once_lose_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logs = [write(tmp_path / f"{name}.jsonl", {**VERDICT, "by": name}) for name in ("anna", "ben")]

    def slow(folder: Path) -> Path:
        found = next_log(folder)
        time.sleep(0.3)
        return found

    monkeypatch.setattr("vera.construction.decisions.next_log", slow)
    with ThreadPoolExecutor() as pool:
        assert list(pool.map(lambda log: import_decisions(log, tmp_path / "held"), logs)) == [1, 1]
    assert {path.read_text() for path in held_decisions(tmp_path / "held")} == {log.read_text() for log in logs}


def test_imports_are_kept_in_their_order(tmp_path: Path) -> None:
    for accept in (True, False):
        assert import_decisions(write(tmp_path / "log.jsonl", {**VERDICT, "accept": accept}), tmp_path / "held") == 1
    logs = held_decisions(tmp_path / "held")
    assert [path.name for path in logs] == ["000001.jsonl", "000002.jsonl"]
    assert read_decisions(logs)[CLIP, "o1", "filter"][-1]["accept"] is False


def test_a_log_of_any_name_stands_before_the_next(tmp_path: Path) -> None:
    """What pages write later counts, also after a log that somebody laid there."""
    for name in ("anna", "7", "000008", "1000000"):
        write(tmp_path / f"{name}.jsonl", VERDICT)
    last = next_log(tmp_path)
    write(last, {**VERDICT, "accept": False})
    assert [path.stem for path in held_decisions(tmp_path)] == ["anna", "7", "000008", "1000000", "1000001"]
