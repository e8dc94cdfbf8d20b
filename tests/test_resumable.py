"""Files of rows: what a kill, a full disk or a stranger may have left in them."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vera.errors import VeraError
from vera.resumable import append_row, keep_note, read_rows, whole_rows

pytestmark = pytest.mark.faults


def test_a_cut_line_is_taken_off_without_writing_the_others_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": 1}\n{"a": 2}\n{"a"', encoding="utf-8")
    inode = path.stat().st_ino
    monkeypatch.setattr(Path, "write_text", None)  # on a full disk none of it could be written
    assert read_rows(path) == [{"a": 1}, {"a": 2}]
    assert path.read_bytes() == b'{"a": 1}\n{"a": 2}\n' and path.stat().st_ino == inode


def test_a_cut_in_the_middle_of_a_character(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"a": 1}\n{"a": "\xe2\x80')
    assert whole_rows(path, mend=False) == b'{"a": 1}\n'
    assert path.read_bytes().endswith(b"\x80")


@given(text=st.text(st.characters() | st.sampled_from("\u2028\u2029\x85\x0b\x0c\x1c\r\n"), max_size=8))
def test_any_text_comes_back_as_one_row(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    append_row(path, {"text": text})
    append_row(path, {"text": text, "more": 1})
    assert read_rows(path) == [{"text": text}, {"text": text, "more": 1}]
    assert len(path.read_bytes().decode().splitlines()) == 2  # for readers that split as Python does


def test_rows_that_others_wrote_are_split_at_newlines_only(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("\ufeff" + json.dumps({"text": "one\u2028two"}, ensure_ascii=False) + "\r\n", encoding="utf-8")
    assert read_rows(path) == [{"text": "one\u2028two"}]


@pytest.mark.parametrize(
    "line",
    [b"[]", b"null", b"3", b"{", b"\xff", b"[" * 100_000, b'{"a":' * 100_000, b'"text"', b"\x00", b"1" * 5000],
)
def test_a_row_that_is_none_is_named(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"a": 1}\n' + line + b"\n")
    with pytest.raises(VeraError, match=r"rows\.jsonl") as error:
        read_rows(path)
    assert "\n" not in str(error.value)


def test_a_last_row_without_its_end_counts(tmp_path: Path) -> None:
    """As editors save it: the next row stands alone, and nothing of another's file is taken off."""
    path, held = tmp_path / "rows.jsonl", b'\xef\xbb\xbf{"a": 1}\r\n\r\n \n{"a": "{"}\r\n{"a": {"b": "}"}}'
    path.write_bytes(held)
    rows = [{"a": 1}, {"a": "{"}, {"a": {"b": "}"}}]
    assert read_rows(path, mend=False) == rows and path.read_bytes() == held
    assert read_rows(path) == rows and path.read_bytes() == held + b"\n"
    append_row(path, {"a": 2})
    assert read_rows(path) == [*rows, {"a": 2}]
    for size in range(len(held) - 1, len(held) - 13, -1):  # a part of it is none
        path.write_bytes(held[:size])
        assert read_rows(path) == rows[:2] and path.read_bytes().endswith(b"\r\n")


def test_a_bad_row_after_a_blank_one_is_named_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"\n{}\n\n[]\n")
    with pytest.raises(VeraError, match=r"rows\.jsonl:4: "):
        read_rows(path)


@pytest.mark.parametrize("row", [{"a": float("nan")}, {"a": [float("inf")]}])
def test_what_is_no_json_is_not_written(tmp_path: Path, row: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="JSON"):
        append_row(tmp_path / "rows.jsonl", row)
    assert not (tmp_path / "rows.jsonl").exists()


def test_a_file_beyond_all_use(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": 1}\n')
    with path.open("r+b") as file:
        file.truncate(100 << 30)
    with pytest.raises(VeraError, match="at most"):
        read_rows(path)


def test_a_note_is_kept_compared_and_completed(tmp_path: Path) -> None:
    note = tmp_path / "note.json"
    keep_note(note, {"size": (64, 48), "frames": {1: 2}}, "clips")
    kept = note.read_bytes()
    keep_note(note, {"size": [64, 48], "frames": {"1": 2}}, "clips")
    assert note.read_bytes() == kept
    keep_note(note, {"size": [64, 48], "frames": {1: 2}, "seed": None}, "clips")
    assert json.loads(note.read_text()) == {"size": [64, 48], "frames": {"1": 2}, "seed": None}
    for other, named in (
        ({"size": [64, 48], "frames": {1: 3}, "seed": 5}, "frames and seed"),
        ({"size": [64, 48], "frames": {1: 2}}, "seed"),
    ):
        with pytest.raises(VeraError, match=rf"holds clips with another {named}: name another folder$"):
            keep_note(note, other, "clips")


@pytest.mark.faults
def test_what_a_note_does_not_know_is_the_default(tmp_path: Path) -> None:
    """At any depth: a field that is new takes nobody's folder away, and hides no difference."""
    note, defaults = tmp_path / "note.json", {"a": {"b": {"x": 1, "y": (2,)}}, "c": {}, "d": None}
    held = '{"a": {"b": {"x": 3}, "z": 4}, "c": null}'
    note.write_text(held)
    for made, named in (
        ({"a": {"b": {"x": 3, "y": [5]}, "z": 4}, "c": None, "d": None}, "a"),
        ({"a": {"b": {"x": 3, "y": [2]}, "z": 4}, "c": {}, "d": 6}, "(c and d|d and c)"),
    ):
        with pytest.raises(VeraError, match=f"with another {named}: name another folder$"):
            keep_note(note, made, "clips", defaults)
    assert note.read_text() == held
    keep_note(note, {"a": {"b": {"x": 3, "y": [2]}, "z": 4}, "c": None, "d": None, "new": 7}, "clips", defaults)
    assert json.loads(note.read_text())["a"]["b"] == {"x": 3, "y": [2]}


@pytest.mark.parametrize("text", ["[]", "5", "", "{"])
def test_a_note_that_is_none_is_one_line(tmp_path: Path, text: str) -> None:
    note = tmp_path / "note.json"
    note.write_text(text)
    with pytest.raises(VeraError, match=r"note\.json: ") as caught:
        keep_note(note, {"size": 5}, "clips")
    assert "\n" not in str(caught.value) and note.read_text() == text
