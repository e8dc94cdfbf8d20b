"""Names that mean something to a shell, a script, a printf, a URL, XML or a terminal, through every export."""

import json
import os
import re
import shutil
import subprocess
import tkinter
from pathlib import Path
from urllib.parse import unquote_to_bytes
from xml.etree import ElementTree

import hypothesis.strategies as st
import numpy as np
import opentimelineio as otio
import pytest
from hypothesis import given, settings
from tests.clips import make_clip
from tests.layers.export.test_projects import read_nuke, run_script

from vera.errors import printable
from vera.layers import LayeredEdit, save_layers
from vera.layers.export import TARGETS, export_layers
from vera.layers.export.nuke import _text
from vera.video import open_clip

pytestmark = pytest.mark.faults

NAMES = [
    "a[exec touch PWNED]",
    "b};exec touch PWNED;#{",
    "[python {open('PWNED','w')}]",
    "\\[exec touch PWNED]",
    "\\\\[exec touch PWNED\\]",
    "$env(HOME)",
    "${HOME}",
    "$(touch PWNED)",
    "`touch PWNED`",
    "; touch PWNED #",
    "& touch PWNED &",
    "a | b > c",
    '"; exec touch PWNED; "',
    "'; touch PWNED; '",
    '"}); app.quit(); ({"',
    "<name>x]]>",
    "&amp; &lt;",
    "<!--",
    "<script>alert(1)",
    "{layer}",
    "{0.__class__}",
    "{",
    "}",
    "}{",
    "%s%n",
    "100%0off",
    "x%0999999999d",
    "a%04d",
    "a%41",
    "%%",
    "a####",
    "a?b#c",
    "a:b",
    "http:x",
    "2026-11-28T10:30:00",
    "-i",
    "~",
    "*",
    "new\nline",
    "tab\tand\rreturn",
    "bell\x07 red\x1b[31m",
    "nel\x85 del\x7f",
    "sep\u2028par\u2029",
    "rtl\u202egpj",
    "\uffff\ufffe",
    "день 日本 🎬",
    "e\u0301",
    os.fsdecode(b"latin\xe9"),
    os.fsdecode(b"\xff\xfe\x80"),
    "l" * 250,
]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("names") / "clip.mp4", frames=2, size=(16, 16))


@pytest.mark.parametrize("stem", NAMES, ids=ascii)
def test_a_name_stays_a_name(stem: str, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the clip, its folder and the folder of exports: what is read back names the very file, and runs nothing."""
    monkeypatch.chdir(tmp_path)
    home = tmp_path / stem
    home.mkdir()
    source = home / f"{stem}.mp4"
    shutil.copy(clip, source)
    info = open_clip(source)
    picture, alpha = np.full((2, 16, 16, 3), 90, np.uint8), np.full((2, 16, 16), 30000, np.uint16)
    metadata = {"instruction": stem, "source": {"name": source.name}}
    save_layers(LayeredEdit(picture, alpha, info.pts, info.time_base, metadata), home / "layers")
    out = tmp_path / f"{stem[:200]} out"
    folders = dict(zip(TARGETS, export_layers(home / "layers", list(TARGETS), out=out), strict=True))
    for folder in folders.values():
        record = json.loads((folder / "export.json").read_text(encoding="utf-8"))
        assert (folder / record["plate"]).samefile(source) and record["edit"] == metadata
        text = (folder / "README.txt").read_text(encoding="utf-8")
        assert printable(text.replace("\n", "")) == text.replace("\n", "") and printable(source.name) in text
        for name in record["files"].values():
            written = name % record["frames"][0] if "%" in name else name
            assert (folder / written).is_file() and re.fullmatch(r"[A-Za-z0-9._/-]+", written)

    def project(target: str) -> Path:
        return folders[target] / json.loads((folders[target] / "export.json").read_bytes())["files"]["project"]

    if bare := re.search("[\udc80-\udcff]", stem):  # Tcl and Adobe's programs know no such names
        assert os.fsencode(os.path.relpath(source, folders["nuke"])) in project("nuke").read_bytes()
    else:
        plate = next(knobs for _, knobs, _ in read_nuke(project("nuke")) if knobs["name"] == "Plate")
        assert (folders["nuke"] / plate["file"]).samefile(source)
    timeline = otio.adapters.read_from_string(project("otio").read_text(encoding="utf-8"), "otio_json")
    (first,) = timeline.video_tracks()[0].find_clips()
    url = first.media_reference.target_url
    assert (folders["otio"] / os.fsdecode(unquote_to_bytes(url))).samefile(source)
    url = str(ElementTree.parse(project("fcpxml7")).findtext("sequence/media/video/track/clipitem/file/pathurl"))
    assert (folders["fcpxml7"] / os.fsdecode(unquote_to_bytes(url))).samefile(source)
    if not bare:
        movies = [path.name for path in folders["aftereffects"].glob("*.mov")]
        names = [os.path.relpath(source, folders["aftereffects"]), *movies]
        done = run_script(project("aftereffects"), [f"{folders['aftereffects']}/{name}" for name in names])
        assert not done["messages"]
    assert not (tmp_path / "PWNED").exists()


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
@settings(deadline=None, max_examples=300)
def test_nuke_holds_any_text_as_it_is(text: str) -> None:
    """Braces, then the list of knobs, then the knob's own evaluation, as in a script."""
    tcl, held = tkinter.Tcl(), []
    tcl.createcommand("Read", lambda body: held.append(dict(zip(*[iter(tcl.splitlist(body))] * 2, strict=True))))
    tcl.eval(f"Read {{\n file {_text(text)}\n name x\n}}")
    assert tcl.call("subst", held[0]["file"]) == text and held[0]["name"] == "x"


@pytest.mark.skipif(shutil.which("tclsh") is None, reason="there is no tclsh")
def test_tclsh_runs_nothing(tmp_path: Path) -> None:
    """All names in one script, where a list of knobs is evaluated with every command at hand."""
    lines = ["proc Read body { foreach {knob text} $body { puts [string length [subst $text]] } }"]
    names = [name for name in NAMES if name.isascii()]
    lines += [f"Read {{\n file {_text(name)}\n}}" for name in names]
    (tmp_path / "all.nk").write_text("\n".join(lines))
    done = subprocess.run(["tclsh", "all.nk"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert [int(line) for line in done.stdout.split()] == list(map(len, names))
    assert [path.name for path in tmp_path.iterdir()] == ["all.nk"]
