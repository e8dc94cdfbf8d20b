"""Nuke: a script that merges the premultiplied OpenEXR layer over the plate."""

import re
from pathlib import Path

from vera.color.linear import Transfer, transfer
from vera.layers.export import exr
from vera.layers.export.plate import Plate, find_plate
from vera.layers.export.shot import LayerFrames, Shot
from vera.video.formats import is_float

STEPS = """\
Nuke: File > Open, choose {project}. Paths are relative to the script, so keep it in this folder. Both Reads are raw;
  the Expression behind a plate that is not linear makes it so by the same curve as the layer, whatever the colour
  management is set to. The matte is a Read of its own.
{light}"""


def steps(shot: Shot) -> str:
    """What to click, with a word on the light, and on a name that Nuke takes for another."""
    text = STEPS.replace("{light}", exr.light_note(shot))
    if shot.sequence is None and re.search(r"[#%]", shot.clip.path.name):
        text += (
            "\nNuke takes # and % in the plate's name for a frame number: if the Read finds nothing, rename the plate."
        )
    return text


def write(shot: Shot, frames: LayerFrames, folder: Path) -> dict[str, str]:
    """Write the sequences and NAME.nk; returns their names. VeraError without the OpenEXR library."""
    names = exr.write_sequences(shot, frames, folder, multipart=False)
    names["project"] = f"{shot.name}.nk"
    script = _script(shot, names, find_plate(shot, folder))
    (folder / names["project"]).write_text(script, encoding="utf-8", errors="surrogateescape")  # names byte for byte
    return names


def _script(shot: Shot, names: dict[str, str], plate: Plate) -> str:
    """A node takes its inputs from the stack of those before it: the last one is input 0, a Merge's background B."""
    width, height = shot.size
    shape = f"{width} {height} 0 0 {width} {height} {float(shot.clip.display_aspect)} {shot.name}"
    first, last = shot.start_frame, shot.start_frame + shot.clip.frame_count - 1
    root = {
        "name": _text(names["project"]),
        "project_directory": r'"\[python \{nuke.script_directory()\}]"',
        "first_frame": first,
        "last_frame": last,
        "fps": float(shot.rate),
        "format": _text(shape),
    }
    layer = _read(shot, "layer", names["layer"]) | {"label": _text(f"premultiplied, {shot.light} light")}
    matte = _read(shot, "matte", names["matte"])
    # A movie's first frame is 1 to Nuke, whatever its timecode.
    own = 1 if shot.sequence is None else shot.sequence.start
    under = {
        "inputs": 0,
        "file": _text(plate.name),
        "first": own,
        "last": own + shot.clip.frame_count - 1,
        "frame_mode": '"start at"',
        "frame": first,
        "raw": "true",
        "name": "Plate",
    }
    nodes: list[tuple[str, dict[str, object]]] = [("Root", root), ("Read", matte), ("Read", layer), ("Read", under)]
    curve = None if is_float(shot.clip.pix_fmt) else transfer(shot.clip.color.trc)
    if curve and shot.light == "linear":
        nodes.append(("Expression", _expression(curve, "LinearPlate")))
    nodes.append(("Merge2", {"inputs": 2, "operation": "over", "name": "Over"}))
    if curve and shot.light == "display":
        nodes.append(("Expression", _expression(curve, "LinearResult")))
    nodes.append(("Viewer", {"frame_range": f"{first}-{last}", "frame": shot.numbers.start, "name": "Viewer1"}))
    lines = [f"#! Nuke\n# Vera: the layer of {shot.name} over its plate\nversion 13.0 v1"]
    lines += [
        f"{kind} {{\n" + "".join(f" {knob} {value}\n" for knob, value in knobs.items()) + "}" for kind, knobs in nodes
    ]
    return "\n".join(lines) + "\n"


def _read(shot: Shot, name: str, path: str) -> dict[str, object]:
    return {
        "inputs": 0,
        "file_type": "exr",
        "file": _text(path),
        "first": shot.numbers.start,
        "last": shot.numbers[-1],
        "origfirst": shot.numbers.start,
        "origlast": shot.numbers[-1],
        "origset": "true",
        "before": "black",
        "after": "black",
        "raw": "true",
        "name": name.capitalize(),
    }


def _expression(curve: Transfer, name: str) -> dict[str, object]:
    channels: dict[str, object] = {
        f"expr{index}": _text(re.sub(r"\bx\b", channel, curve.formula)) for index, channel in enumerate("rgb")
    }
    return channels | {"name": name}


def _text(value: object) -> str:
    """A knob's literal text, which three readers take apart.

    The script's braces are matched first, quotes or not; then the list of knobs is split and its backslashes are
    resolved; then the knob evaluates brackets and dollars in what it holds.
    """
    held = re.sub(r"[\\\[\]$]", r"\\\g<0>", str(value))
    quoted = re.sub(r'[\\"\[\]${}]', r"\\\g<0>", held)
    for character, written in (("\n", r"\n"), ("\r", r"\r"), ("\t", r"\t"), ("\0", r"\0")):
        quoted = quoted.replace(character, written)
    return f'"{quoted}"'
