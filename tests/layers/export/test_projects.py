"""Timelines, the After Effects script and the Nuke script, each read by an engine of its language."""

import json
import re
import tkinter
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import cv2
import dukpy
import numpy as np
import opentimelineio as otio
import pytest
from tests.layers.export.conftest import Case

from vera.layers import LayeredEdit, save_layers
from vera.layers.export import Shot, export_layers
from vera.layers.export.fcpxml7 import _picture
from vera.video import open_clip

TARGETS = ["otio", "fcpxml7", "aftereffects", "nuke"]
RATE = 24000 / 1001
START = 3600 * 24 + 10  # 01:00:00:10


def export(case: Case, target: str, out: Path, **options: Any) -> tuple[Path, dict[str, Any]]:
    (folder,) = export_layers(case.folder, target, out=out, **options)
    record = json.loads((folder / "export.json").read_text())
    return folder / record["files"]["project"], record


def assert_timeline(timeline: otio.schema.Timeline, folder: Path, plate: Path) -> None:
    """Plate, layer and matte lie where they belong, and every clip's media is there by a relative path."""
    video = timeline.video_tracks()
    assert [len(list(track.find_clips())) for track in video] == [1, 1, 1]
    assert timeline.global_start_time.to_frames() == START
    spans = []
    for track in video:
        (clip,) = track.find_clips()
        path = unquote(clip.media_reference.target_url)
        assert not Path(path).is_absolute() and (folder / path).is_file()
        assert clip.name == Path(path).name
        where = clip.range_in_parent()
        spans.append((where.start_time.to_frames(), where.duration.to_frames()))
        assert clip.source_range.start_time.rate == pytest.approx(RATE)
    assert spans == [(0, 12), (3, 6), (3, 6)]
    (first,) = video[0].find_clips()
    assert (folder / unquote(first.media_reference.target_url)).samefile(plate)
    assert [len(list(track.find_clips())) for track in timeline.audio_tracks()] == [1]


def test_otio(case: Case, tmp_path: Path) -> None:
    path, _ = export(case, "otio", tmp_path)
    timeline = otio.adapters.read_from_file(str(path))
    assert_timeline(timeline, path.parent, case.info.path)
    for track, first in zip(timeline.video_tracks(), (0, 3, 3), strict=True):
        (clip,) = track.find_clips()
        available = clip.media_reference.available_range
        assert available == clip.source_range and available.start_time.to_frames() == START + first
        assert clip.enabled == (track.name != "matte")
    layer = next(iter(timeline.video_tracks()[1].find_clips()))
    assert layer.metadata["vera"]["alpha"] == "straight"


def test_fcpxml7_by_opentimelineios_reader(case: Case, tmp_path: Path) -> None:
    path, _ = export(case, "fcpxml7", tmp_path)
    timeline = otio.adapters.read_from_file(str(path), adapter_name="fcp_xml")
    assert_timeline(timeline, path.parent, case.info.path)


def test_fcpxml7_as_programs_want_it(case: Case, tmp_path: Path) -> None:
    path, _ = export(case, "fcpxml7", tmp_path)
    assert path.read_text().splitlines()[1] == "<!DOCTYPE xmeml>"
    root = ElementTree.parse(path).getroot()
    assert (root.tag, root.attrib) == ("xmeml", {"version": "4"})
    assert root.findtext("sequence/rate/timebase") == "24" and root.findtext("sequence/rate/ntsc") == "TRUE"
    assert root.findtext("sequence/timecode/string") == "01:00:00:10"
    assert root.findtext("sequence/media/video/format/samplecharacteristics/width") == "66"
    clips = root.findall("sequence/media/video/track/clipitem")
    assert [clip.findtext("enabled") for clip in clips] == ["TRUE", "TRUE", "FALSE"]
    assert [clip.findtext("alphatype") for clip in clips] == ["none", "straight", "none"]
    assert [clip.findtext("file/timecode/string") for clip in clips] == ["01:00:00:10", "01:00:00:13", "01:00:00:13"]
    ends = [[int(clip.findtext(tag) or -1) for tag in ("start", "end", "in", "out")] for clip in clips]
    assert ends == [[0, 12, 0, 12], [3, 9, 0, 6], [3, 9, 0, 6]]
    files = {file.attrib["id"] for file in root.iter("file") if len(file)}
    assert {file.attrib["id"] for file in root.iter("file")} == files  # references lead somewhere


def test_drop_frame_numbers_stay_dropped(make_case: Callable[..., Case], tmp_path: Path) -> None:
    case = make_case(tmp_path, fps=Fraction(30000, 1001), timecode="00:59:59;28", size=(18, 12))
    path, record = export(case, "fcpxml7", tmp_path / "out")
    codes = [element.findtext("string") for element in ElementTree.parse(path).iter("timecode")]
    assert codes == ["00:59:59;28", "00:59:59;28", "01:00:00;01", "01:00:00;01"]
    assert record["timecode"] == "01:00:00;01"
    assert {element.text for element in ElementTree.parse(path).iter("displayformat")} == {"DF"}


@pytest.mark.parametrize(
    ("size", "aspect", "name", "wide"),
    [
        ((720, 576), Fraction(16, 15), "PAL-601", "FALSE"),
        ((720, 576), Fraction(64, 45), "PAL-601", "TRUE"),
        ((1440, 1080), Fraction(4, 3), "HD-(1440x1080)", "FALSE"),
        ((64, 48), Fraction(2), "square", "FALSE"),
    ],
)
def test_fcpxml7_names_the_pixels(
    make_case: Callable[..., Case], tmp_path: Path, size: tuple[int, int], aspect: Fraction, name: str, wide: str
) -> None:
    """The parts that depend on the size alone: no movie of it is made."""
    info = replace(make_case(tmp_path, size=(18, 12)).info, width=size[0], height=size[1])
    info = replace(info, display_size=size, sample_aspect=aspect)
    edit = LayeredEdit(np.zeros((1, 2, 2, 3), np.uint8), np.zeros((1, 2, 2), np.uint16), info.pts[:1], info.time_base)
    parent = ElementTree.Element("video")
    _picture(parent, Shot(edit, info, {info.pts[0]: 0}))
    found = [parent.findtext(f"samplecharacteristics/{tag}") for tag in ("pixelaspectratio", "anamorphic")]
    assert found == [name, wide]


# What After Effects gives a script: it writes down what is done to it, and knows which files exist.
HOST = """
var made = [], AlphaMode = {STRAIGHT: 'straight'}, comp = null, messages = [], groups = 0;
var $ = {fileName: dukpy.script.replace(/%/g, '%25')};
function File(uri) { var path = uri.replace(/%([0-9A-Fa-f]{2})/g, function (all, code) {
        return String.fromCharCode(parseInt(code, 16)); });
    this.path = path; this.parent = {fsName: path.replace(/\\/[^\\/]*$/, '')};
    this.exists = dukpy.files.indexOf(path) >= 0; }
File.openDialog = function () { return null; };
function ImportOptions(file) { this.file = file; }
function alert(text) { messages.push(text); }
var app = {
    beginUndoGroup: function () { groups += 1; }, endUndoGroup: function () { groups -= 1; },
    project: {
        importFile: function (options) {
            return {path: options.file.path, numbered: options.sequence, mainSource: {hasAlpha: true}};
        },
        items: {addComp: function (name, width, height, aspect, duration, rate) {
            comp = {name: name, width: width, height: height, aspect: aspect, duration: duration, rate: rate,
                    layers: {add: function (item) { var l = {item: item, enabled: true}; made.unshift(l); return l; }},
                    openInViewer: function () { comp.opened = true; }};
            return comp;
        }}
    }
};
"""


def run_script(path: Path, files: list[str]) -> dict[str, Any]:
    code = HOST + path.read_text(encoding="utf-8") + ";({comp: comp, layers: made, messages: messages, groups: groups})"
    result: dict[str, Any] = dukpy.evaljs(code, script=str(path), files=files)
    return result


def test_after_effects(case: Case, tmp_path: Path) -> None:
    path, record = export(case, "aftereffects", tmp_path)
    names = [record["plate"], record["files"]["layer"], record["files"]["matte"]]
    done = run_script(path, [f"{path.parent}/{name}" for name in names])
    assert (done["messages"], done["groups"]) == ([], 0)
    comp = done["comp"]
    assert (comp["name"], comp["width"], comp["height"], comp["aspect"]) == ("a_clip", 66, 50, 1)
    assert comp["rate"] == pytest.approx(RATE) and comp["duration"] == pytest.approx(12 / RATE)
    assert comp["displayStartTime"] == pytest.approx(START / RATE) and comp["opened"]
    assert [(layer["name"], layer["enabled"]) for layer in done["layers"]] == [
        ("layer", True),
        ("matte", False),
        ("plate", True),
    ]
    assert [layer["startTime"] for layer in done["layers"]] == pytest.approx([3 / RATE, 3 / RATE, 0])
    sources = [layer["item"]["mainSource"] for layer in done["layers"]]
    assert [source.get("alphaMode") for source in sources] == ["straight", None, None]
    assert all(Path(layer["item"]["path"]).is_file() for layer in done["layers"])
    missing = run_script(path, [])
    assert "was not found" in missing["messages"][0] and missing["groups"] == 0


def read_nuke(path: Path) -> list[tuple[str, dict[str, str], list[str]]]:
    """The nodes of a script, by Tcl: kind, knobs as Nuke evaluates them, and names of the inputs from the stack."""
    tcl, nodes, stack = tkinter.Tcl(), [], []

    def node(kind: str, body: str) -> None:
        words = tcl.splitlist(body)
        knobs = dict(zip(words[::2], words[1::2], strict=True))
        knobs = {knob: text if "script_directory" in text else tcl.call("subst", text) for knob, text in knobs.items()}
        inputs = [stack.pop() for _ in range(int(knobs.get("inputs", 1)) if kind != "Root" else 0)]
        nodes.append((kind, knobs, inputs))
        if kind not in ("Root", "Viewer"):
            stack.append(knobs["name"])

    for kind in ("Root", "Read", "Expression", "Merge2", "Viewer"):
        tcl.createcommand(kind, lambda body, kind=kind: node(kind, body))
    tcl.createcommand("version", lambda *words: None)
    tcl.eval(path.read_text(encoding="utf-8"))
    return nodes


@pytest.mark.parametrize("light", ["linear", "display"])
def test_nuke(case: Case, tmp_path: Path, light: str) -> None:
    path, record = export(case, "nuke", tmp_path, light=light)
    nodes = read_nuke(path)
    knobs = {knobs["name"]: knobs for _, knobs, _ in nodes}
    inputs = {knobs["name"]: taken for _, knobs, taken in nodes}
    root = nodes[0][1]
    assert (root["first_frame"], root["last_frame"]) == ("1001", "1012") and float(root["fps"]) == pytest.approx(RATE)
    assert root["project_directory"] == "[python {nuke.script_directory()}]"
    assert root["format"].split()[:2] == ["66", "50"]
    # Input 0 of a Merge is the background B.
    if light == "linear":
        assert inputs["Over"] == ["LinearPlate", "Layer"] and inputs["LinearPlate"] == ["Plate"]
    else:
        assert inputs["Over"] == ["Plate", "Layer"] and inputs["LinearResult"] == ["Over"]
    for name in ("Layer", "Matte"):
        assert (knobs[name]["first"], knobs[name]["last"], knobs[name]["raw"]) == ("1004", "1009", "true")
        assert all((path.parent / (knobs[name]["file"] % number)).is_file() for number in range(1004, 1010))
    plate = knobs["Plate"]
    assert (path.parent / plate["file"]).samefile(case.info.path)
    assert (plate["first"], plate["last"], plate["frame"]) == ("1", "12", "1001")
    expression = next(knobs for kind, knobs, _ in nodes if kind == "Expression")
    assert [re.findall(r"[rgb](?=\b)", expression[f"expr{i}"])[0] for i in range(3)] == ["r", "g", "b"]
    assert record["alpha"] == "premultiplied" and record["light"] == light


@pytest.mark.parametrize("target", TARGETS)
def test_a_project_moves_with_its_clip(case: Case, tmp_path: Path, target: str) -> None:
    """No absolute path is in it, so that the folder that holds clip and layers can be moved."""
    out = case.info.path.parent / f"moved-{target}"
    path, record = export(case, target, out)
    assert str(case.info.path.parent) not in path.read_text() and str(tmp_path) not in path.read_text()
    assert record["plate"] == "../../a clip.mov"
    assert (path.parent / record["plate"]).samefile(case.info.path)


@pytest.mark.parametrize("target", TARGETS)
def test_names_that_mean_something_to_a_language(make_case: Callable[..., Case], tmp_path: Path, target: str) -> None:
    folder = tmp_path / 'a [b] $c "d" {e} & <f> #g \\h'
    folder.mkdir()
    case = make_case(folder, size=(18, 12), frames=9)
    path, record = export(case, target, tmp_path / "out")
    if target == "otio":
        assert otio.adapters.read_from_file(str(path)).name == "a_clip"
    elif target == "fcpxml7":
        found = ElementTree.parse(path).findtext("sequence/media/video/track/clipitem/file/pathurl")
        assert (path.parent / unquote(str(found))).samefile(case.info.path)
    elif target == "aftereffects":
        done = run_script(path, [f"{path.parent}/{name}" for name in (record["plate"], *record["files"].values())])
        assert not done["messages"]
    else:
        plate = next(knobs for _, knobs, _ in read_nuke(path) if knobs["name"] == "Plate")
        assert (path.parent / plate["file"]).samefile(case.info.path)


def numbered_case(folder: Path) -> tuple[Path, Path]:
    """A folder of pictures 86400 to 86404, and layers for the last three."""
    plates = folder / "plates"
    plates.mkdir()
    for number in range(86400, 86405):
        cv2.imwrite(str(plates / f"shot-010.{number}.png"), np.full((12, 18, 3), number % 250, np.uint8))
    info = open_clip(plates, rate=Fraction(25))
    edit, alpha = np.full((3, 12, 18, 3), 200, np.uint8), np.full((3, 12, 18), 30000, np.uint16)
    save_layers(LayeredEdit(edit, alpha, info.pts[2:], info.time_base), folder / "layers")
    return plates, folder / "layers"


def test_a_plate_of_numbered_pictures(tmp_path: Path) -> None:
    plates, layers = numbered_case(tmp_path)
    source = open_clip(plates, rate=Fraction(25))
    folders = dict(zip(TARGETS, export_layers(layers, TARGETS, source=source, out=tmp_path / "out"), strict=True))
    timeline = otio.adapters.read_from_file(str(folders["otio"] / "shot-010.otio"))
    (clip,) = timeline.video_tracks()[0].find_clips()
    reference = clip.media_reference
    urls = [reference.target_url_for_image_number(n) for n in range(reference.number_of_images_in_sequence())]
    assert clip.source_range.duration.rate == 25
    assert [(folders["otio"] / url).resolve() for url in urls] == sorted(plates.iterdir())

    nodes = {knobs["name"]: knobs for _, knobs, _ in read_nuke(folders["nuke"] / "shot-010.nk")}
    plate = nodes["Plate"]
    assert (plate["first"], plate["last"], plate["frame"]) == ("86400", "86404", "86400")
    assert (folders["nuke"] / (plate["file"] % 86404)).is_file()
    # The layer goes on with the plate's numbers.
    assert nodes["Layer"]["first"] == "86402"

    script = folders["aftereffects"] / "shot-010.jsx"
    names = ["../../plates/shot-010.86400.png", "shot-010_layer_straight.mov", "shot-010_matte.mov"]
    done = run_script(script, [f"{script.parent}/{name}" for name in names])
    assert not done["messages"]
    assert [layer["item"]["numbered"] for layer in done["layers"]] == [False, False, True]

    url = ElementTree.parse(folders["fcpxml7"] / "shot-010.xml").findtext(
        "sequence/media/video/track/clipitem/file/pathurl"
    )
    assert url == names[0]
    assert "../../plates/shot-010.86400.png" in (folders["fcpxml7"] / "README.txt").read_text()
