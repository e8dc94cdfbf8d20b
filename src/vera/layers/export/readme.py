"""What lies beside an export: `README.txt` for people, `export.json` for programs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from av.video.reformatter import ColorPrimaries, ColorTrc

from vera._version import __version__
from vera.errors import printable
from vera.files import json_text
from vera.layers.adjust import NEUTRAL
from vera.layers.export.folder import RECORD
from vera.layers.export.plate import Plate, find_plate
from vera.layers.export.shot import Shot
from vera.layers.export.targets import Target
from vera.video import UPRIGHT
from vera.video.formats import is_float
from vera.written import list_contents

_ALPHA = {
    "straight": "straight (not premultiplied): colours reach past the matte, so edges have no fringe",
    "premultiplied": "premultiplied (associated): colours are multiplied by alpha, over black",
}


def write_readme(shot: Shot, name: str, target: Target, files: Mapping[str, str], folder: Path) -> None:
    """Write both files into `folder`."""
    plate = find_plate(shot, folder)
    record = _record(shot, name, target, files, plate)
    (folder / "README.txt").write_text(_readme(shot, target, files, record, plate), encoding="utf-8")
    record["contents"] = list_contents(folder)
    (folder / RECORD).write_text(json_text(record) + "\n", encoding="utf-8")


def _record(shot: Shot, name: str, target: Target, files: Mapping[str, str], plate: Plate) -> dict[str, Any]:
    color = shot.clip.color
    return {
        "format": 1,
        "target": name,
        "vera": __version__,
        "files": dict(files),
        "alpha": target.alpha,
        "light": shot.light if name in ("exr", "nuke") else "display",
        "color": {"primaries": color.primaries, "transfer": color.trc, "matrix": color.space, "range": color.range},
        "size": list(shot.size),
        "pixel_aspect": str(shot.clip.display_aspect),
        "rate": str(shot.rate),
        "variable_rate": shot.clip.is_vfr,
        "source_frames": [shot.start_frame, shot.start_frame + shot.clip.frame_count - 1],
        "frames": [shot.numbers[0], shot.numbers[-1]],
        "timecode": shot.timecode(shot.first),
        "time_base": str(shot.clip.time_base),
        "pts": list(shot.pts),
        "plate": plate.name,
        "edit": dict(shot.edit.metadata),
        "adjustment": shot.edit.adjustment.to_json(),
    }


def _readme(shot: Shot, target: Target, files: Mapping[str, str], record: Mapping[str, Any], plate: Plate) -> str:
    start, end = record["source_frames"]
    first, last = record["frames"]
    (width, height), aspect = shot.size, shot.clip.display_aspect
    facts = [*((role, _shown(path, first)) for role, path in files.items())]
    facts += [
        ("plate", f"{printable(plate.path)} (the source, as seen from this folder)"),
        ("alpha", _ALPHA[target.alpha]),
        ("size", f"{width}x{height}" + ("" if aspect == 1 else f", pixel aspect {aspect}")),
        ("rate", f"{float(shot.rate):.6g} frames a second ({shot.rate})"),
        ("frames", f"{first} to {last}; the plate has {start} to {end}, so the layer starts {shot.first} frames in"),
        ("timecode", f"{record['timecode']} at the layer's first frame"),
        ("colour", f"the plate's: {_color(shot)}"),
    ]
    adjustment = shot.edit.adjustment
    if adjustment != NEUTRAL:
        values = adjustment.to_json() | ({"paint": len(adjustment.paint)} if adjustment.paint else {})
        said = [f"{name} {_plain(value)}" for name, value in values.items() if name != "blend"]
        facts += [("adjusted", ", ".join(said))] if said else []
        mode = f"{adjustment.blend}; these files can't say so: set it for the layer in your program"
        facts += [("blend", mode)] if adjustment.blend != NEUTRAL.blend else []
    lines = [f"{shot.name}: layers for {target.title}", ""]
    lines += [f"{label:<10}{text}" for label, text in facts]
    lines += ["", "What to do", "", target.steps(shot).format(**_names(files, first))]
    if shot.clip.is_vfr:
        lines += [
            "",
            "The plate's frame rate varies, and programs count frames evenly. Movies here have the plate's own times;",
            "numbered files and projects have its frames one by one. Conform the plate to a constant rate for these.",
        ]
    if shot.sequence is not None:
        lines += [
            "",
            "The plate is a sequence of pictures. Where a program opens the first one alone, import them as a sequence",
            "and put that in its place.",
        ]
    if shot.clip.interlaced and shot.clip.deinterlace:
        lines += [
            "",
            "The plate is interlaced; the layers are for its frames made whole: deinterlace it as well.",
        ]
    if shot.clip.orientation != UPRIGHT:
        lines += [
            "",
            f"The plate is shown {shot.clip.orientation}, by its rotation tag; the layers",
            "are upright. In a program that ignores the tag, do that to the plate.",
        ]
    return "\n".join(
        [*lines, "", "export.json says the same for programs, with the frame times and how the edit was made.", ""]
    )


def _names(files: Mapping[str, str], first: int) -> dict[str, str]:
    return {role: _shown(path, first) for role, path in files.items()}


def _shown(path: str, first: int) -> str:
    return path % first if "%0" in path else path


def _plain(value: Any) -> str:
    """A number, or the parts of a list with nothing for an open end."""
    parts = value if isinstance(value, list) else [value]
    return "/".join("" if part is None else f"{part:g}" for part in parts)


def _color(shot: Shot) -> str:
    primaries, trc = _tag(ColorPrimaries, shot.clip.color.primaries), _tag(ColorTrc, shot.clip.color.trc)
    if is_float(shot.clip.pix_fmt):
        return f"primaries {primaries}, linear light; what is not OpenEXR here holds it by the transfer {trc}"
    return f"primaries {primaries}, transfer {trc}"


def _tag(enum: Any, value: int) -> str:
    if value in (0, enum.UNSPECIFIED):
        return "not told"
    return enum(value).name if value in enum._value2member_map_ else f"number {value} of ITU-T H.273"
