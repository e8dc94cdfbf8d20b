"""What is read of a record that was damaged, or written by somebody who wants more than it is for."""

import json
from pathlib import Path
from typing import Any

import pytest

from vera.construction.engine.record import Entry, Layout, Record, read_record, write_record
from vera.errors import VeraError

SOURCE, CLIP = "0" * 16, "ab" * 8
RECORDS = {
    "source": Record(
        "source",
        SOURCE,
        {"path": "../footage/a b.mkv", "state": [1, 2], "licence": None},
        {"split": Entry("f", "done", facts={"clips": [{"id": CLIP}]})},
    ),
    "clip": Record(
        "clip",
        CLIP,
        {"source": SOURCE},
        {
            "proxy": Entry("f", "done", files={f"clips/ab/{CLIP}/frames.mkv": "0" * 64}),
            "o1/publish": Entry(
                "f",
                "done",
                facts={"index": "set/17-frames/rows.jsonl", "row": {"provenance": {}}},
                files={"dataset/set/17-frames/rows/a_input.mp4": "0" * 64},
            ),
        },
    ),
}
OWN = f"clips/ab/{CLIP}"


def changed(held: Any, way: tuple[str, ...], value: Any) -> None:
    for name in way[:-1]:
        held = held[name]
    held[way[-1]] = value


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    for record in RECORDS.values():
        path = Layout(tmp_path).record(record.kind, record.id)
        write_record(path, record)
        assert read_record(path) == record


@pytest.mark.faults
@pytest.mark.parametrize(
    ("kind", "way", "value"),
    [
        *(
            ("clip", ("stages", "proxy", "files"), {path: "0" * 64})
            for path in (
                "../victim.txt",
                "/etc/passwd",
                "build.yaml",
                "decisions/000001.jsonl",
                "clips/ab/abababababababac/frames.mkv",
                f"{OWN}/../../../victim.txt",
                f"{OWN}/./frames.mkv",
                f"{OWN}//frames.mkv",
                f"{OWN}/",
                OWN,
                f"{OWN}/a\0b",
                f"{OWN}/a\nb",
                f"{OWN}/{'a' * 300}",
                "dataset/../../secret.txt",
                "dataset/.hidden",
            )
        ),
        ("clip", ("stages", "proxy", "files"), 5),
        ("clip", ("stages", "proxy", "files"), [f"{OWN}/frames.mkv"]),
        ("clip", ("stages", "proxy", "files"), {f"{OWN}/frames.mkv": 5}),
        ("clip", ("stages", "proxy", "facts"), []),
        ("clip", ("stages", "proxy", "facts"), {"objects": 5}),
        ("clip", ("stages", "proxy", "fingerprint"), 1),
        ("clip", ("stages", "proxy", "status"), "fine"),
        ("clip", ("stages", "proxy", "tries"), "1"),
        ("clip", ("stages", "proxy", "more"), 1),
        ("clip", ("stages", "proxy"), None),
        ("clip", ("stages",), []),
        *(
            ("clip", ("stages", "o1/publish", "facts", "index"), index)
            for index in ("../../notes.txt", "/notes/17-frames/a.jsonl", "a/../a.jsonl", "a/b/c.txt", 5)
        ),
        ("clip", ("stages", "o1/publish", "facts", "row"), []),
        ("clip", ("stages", "o1/publish", "facts"), {}),
        ("clip", ("about",), []),
        ("clip", ("about", "source"), "../../escaped"),
        ("clip", ("id",), "abababababababac"),
        ("clip", ("kind",), "source"),
        ("source", ("about", "path"), 5),
        ("source", ("about", "state"), 5),
        *(
            ("source", ("stages", "split", "facts", "clips"), clips)
            for clips in (5, ["a"], [{}], [{"id": "../../../escaped"}], [{"id": "a" * 17}], [{"id": 5}])
        ),
    ],
)
def test_a_record_names_nothing_but_its_own(tmp_path: Path, kind: str, way: tuple[str, ...], value: Any) -> None:
    record = RECORDS[kind]
    path = Layout(tmp_path).record(record.kind, record.id)
    write_record(path, record)
    held = json.loads(path.read_text(encoding="utf-8"))
    changed(held, way, value)
    path.write_text(json.dumps(held), encoding="utf-8")
    with pytest.raises(VeraError, match=r"record\.json: is no record of this version; remove its folder"):
        read_record(path)
