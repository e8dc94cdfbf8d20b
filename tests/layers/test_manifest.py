"""Manifests that a stranger wrote: whatever is wrong is one line that names the file, before any frame is read."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.clips import make_clip
from tests.layers.export.conftest import ffmpeg
from tests.layers.test_folder import make_edit

from vera.errors import VeraError
from vera.layers import load_layers, save_layers
from vera.layers.manifest import is_manifest
from vera.layers.source_match import check_source, frame_map
from vera.video import open_clip

pytestmark = pytest.mark.faults

GRAIN = {"deviation": [[0.01] * 8] * 3, "correlation": [[1, 0, 0], [0, 1, 0], [0, 0, 1]], "across": 0.2, "down": 0.1}
DEEP = "[" * 5000 + "]" * 5000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_layers(make_edit(np.uint8), tmp_path / "layers")
    return tmp_path / "layers"


def test_the_record_of_a_long_edit_is_read_back(tmp_path: Path) -> None:
    """A region that moves for two and a half hours."""
    corners = [[1000, 1000]] * (9000 * 50)
    long = replace(make_edit(np.uint8), metadata={"crops": [{"corners": corners}]})
    save_layers(long, tmp_path / "layers")
    assert is_manifest(tmp_path / "layers" / "manifest.json")
    assert load_layers(tmp_path / "layers").metadata["crops"][0]["corners"] == corners
    save_layers(long, tmp_path / "layers")


def refused(folder: Path) -> str:
    with pytest.raises(VeraError) as caught:
        load_layers(folder)
    line = str(caught.value)
    assert "\n" not in line and len(line) < 400 + len(str(folder)) and str(folder) in line
    return line


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "3",
        '"format"',
        "{",
        "NaN",
        "{}",
        '{"format": 1}',
        DEEP,
        "\x00",
        "[" * 10**6,
        '{"a":' * 70 + "1" + "}" * 70,
    ],
    ids=range(13),
)
def test_what_is_no_manifest(folder: Path, text: str) -> None:
    (folder / "manifest.json").write_text(text)
    refused(folder)


WRONG: list[tuple[str, Any]] = [
    ("format", 99),
    ("format", True),
    ("format", "1"),
    ("format", {"a": "b" * 10**5}),
    ("pts", "abcde"),
    ("pts", []),
    ("pts", None),
    ("pts", {}),
    ("pts", [0, 512]),
    ("pts", [0, 512, 512]),
    ("pts", [0, 1024, 512]),
    ("pts", [0.5, 1.5, 2.5]),
    ("pts", [0, 1, 2**63]),
    ("pts", [-(10**400), 0, 1]),
    ("pts", [False, True, 2]),
    ("pts", [0, 1, None]),
    ("pts", [0, 1, [2]]),
    ("time_base", 25),
    ("time_base", "1/0"),
    ("time_base", "0"),
    ("time_base", "-1/25"),
    ("time_base", "1e999999999"),
    ("time_base", "1/" + "9" * 10**6),
    ("time_base", "nan"),
    ("time_base", ["1/25"]),
    ("width", None),
    ("width", 27),
    ("height", 10**30),
    ("height", "18"),
    ("metadata", []),
    ("metadata", None),
    ("metadata", "seed"),
    ("metadata", {"seed": float("nan")}),
    ("metadata", {"a": [{"b": float("inf")}]}),
    ("metadata", {"seed": 10**4000}),
    ("metadata", {"source": []}),
    ("metadata", {"source": "a.mp4"}),
    ("metadata", {"source": {"name": 3}}),
    ("metadata", {"source": {"name": "a" * 10**5}}),
    ("metadata", {"source": {"bytes": "many"}}),
    ("metadata", {"source": {"frames": 1.5}}),
    ("metadata", {"source": {"sha256": ["00"]}}),
    ("metadata", {"refine": []}),
    ("metadata", {"refine": {"guide": ["plate"]}}),
    ("metadata", {"refine": {"blur": True}}),
    ("metadata", {"refine": {"blur": 1e300}}),
    ("metadata", {"refine": {"decontaminate": "no"}}),
    ("metadata", {"refine": {"seed": 2**63}}),
    ("metadata", {"refine": {"grain": GRAIN | {"deviation": [[0.01] * 7] * 3}}}),
    ("metadata", {"refine": {"grain": GRAIN | {"deviation": [["0.01"] * 8] * 3}}}),
    ("metadata", {"refine": {"grain": GRAIN | {"correlation": [[1, 2, 2], [2, 1, 2], [2, 2, 1]]}}}),
    ("metadata", {"refine": {"grain": GRAIN | {"correlation": [[1, 1, 1], [1, 1, 1], [1, 1, 1]]}}}),
    ("metadata", {"refine": {"grain": GRAIN | {"across": 0.9}}}),
    ("metadata", {"refine": {"grain": GRAIN | {"down": float("nan")}}}),
]


@pytest.mark.parametrize(("field", "value"), WRONG, ids=range(len(WRONG)))
def test_a_value_that_cannot_be(folder: Path, field: str, value: object) -> None:
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps(manifest | {field: value}))
    refused(folder)


@pytest.mark.parametrize("field", ["format", "pts", "time_base", "metadata", "width", "height"])
def test_a_value_that_is_missing(folder: Path, field: str) -> None:
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    del manifest[field]
    path.write_text(json.dumps(manifest))
    refused(folder)


@pytest.mark.parametrize("name", ["manifest.json", "edit.mkv", "alpha.mkv"])
@pytest.mark.parametrize("kind", ["giant", "pipe", "device", "folder", "loop", "junk", "other"])
def test_a_file_that_is_none(folder: Path, name: str, kind: str) -> None:
    path, other = folder / name, folder / ("alpha.mkv" if name == "edit.mkv" else "edit.mkv")
    path.unlink()
    if kind == "giant":
        with path.open("wb") as file:
            file.truncate(100 << 30)
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    elif kind == "loop":
        path.symlink_to(path)
    else:
        path.write_bytes(os.urandom(5000) if kind == "junk" else other.read_bytes())
    refused(folder)


@pytest.mark.parametrize(
    "options", ["-c:v libx264 -pix_fmt yuv420p", "-c:v ffv1 -pix_fmt yuv444p16le", "-c:v ffv1 -pix_fmt gbrp10le"]
)
def test_a_film_that_is_not_ours(folder: Path, options: str) -> None:
    source = ["-f", "lavfi", "-i", "testsrc2=size=26x18:rate=25", "-frames:v", 3]
    ffmpeg("-y", *source, *options.split(), folder / "edit.mkv")
    assert "not of the kind that Vera writes" in refused(folder)


def test_what_a_terminal_obeys_is_spelled_out(folder: Path) -> None:
    path = folder / "manifest.json"
    name = "\x1b]0;owned\x07\x9b31m\u202egpj.mp4\ud800"
    manifest = json.loads(path.read_text())
    manifest["metadata"]["source"] = {"name": name, "frames": 7}
    path.write_text(json.dumps(manifest))
    info = open_clip(make_clip(folder / "clip.mp4", frames=3, size=(26, 18)))
    with pytest.raises(VeraError) as caught:
        check_source(load_layers(folder), info)
    line = str(caught.value)
    assert line.isprintable() and r"\x1b]0;owned\x07\x9b31m\u202egpj.mp4\ud800" in line
    line.encode()


def test_times_are_within_bounds_that_arithmetic_holds(folder: Path) -> None:
    """Any clip's times against any manifest's: at worst they do not fit."""
    info = open_clip(make_clip(folder / "clip.mp4", frames=3, size=(26, 18)))
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    for base in ("999999999999/1", "1/999999999999"):
        path.write_text(json.dumps(manifest | {"time_base": base, "pts": [-(2**63), 0, 2**63 - 1]}))
        assert frame_map(load_layers(folder), info, force=True) == {0: 1}


def test_a_film_of_an_unknown_codec_or_an_unlikely_size(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "edit.mkv"
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"V_FFV1", b"V_XYZ1"))
    refused(folder)
    path.write_bytes(whole)
    monkeypatch.setattr("vera.video.lossless.MOST_PIXELS", 26 * 18 - 1)
    assert "not of the kind that Vera writes" in refused(folder)
