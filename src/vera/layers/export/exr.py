"""OpenEXR: half floats, premultiplied, ZIP; a file for each of layer and matte, and one of all parts."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vera.arrays import Float
from vera.color.linear import transfer
from vera.color.primaries import Colors, chromaticities
from vera.errors import VeraError
from vera.layers.export.shot import LayerFrames, Shot
from vera.layers.threads import frames_at_once
from vera.optional import need
from vera.video.decoding.exr import write_errors
from vera.video.formats import is_float

AT_ONCE = 17_000_000  # pixels of the frames that are written at a time: two of 4K
STEPS = """\
Nuke, Fusion, Natron: Read layer/ and Merge (over) it onto the plate; it is premultiplied. multipart/ has everything in
  one Read: rgba (the layer, premultiplied), edit.rgb (its colours, straight) and matte.a; Shuffle picks them.
After Effects: import layer/ as an OpenEXR sequence, Interpret Footage: Alpha "Premultiplied - Matted with Color" black.
  Of multipart/ it shows the first part alone, which is the same.
Resolve: Media page, import the folder layer/ as a clip; Clip Attributes: Alpha mode "Premultiplied".
{light}"""

_LINEAR = """\
Values are linear light ({0}). Bring the plate to linear by the same curve before you merge. A merge in linear light
  looks a little different at soft edges than Vera's own, which mixes encoded values; --light display keeps those."""
_LIKE_THE_PLATE = """\
Values are linear light, as the plate's are. Merged so, the result is Vera's own, to a half float."""
_DISPLAY = """\
Values are encoded as the plate's are ({0}), not linear: read them raw ("raw data" in Nuke), and the plate as well.
  Merged so, the result is Vera's own."""


def steps(shot: Shot) -> str:
    """What to click, with a word on the light."""
    return STEPS.replace("{light}", light_note(shot))


def light_note(shot: Shot) -> str:
    """What the values are, in the words of the README."""
    if is_float(shot.clip.pix_fmt):
        return _LIKE_THE_PLATE
    curve = transfer(shot.clip.color.trc)
    name = curve.name if curve else f"transfer {shot.clip.color.trc} of ITU-T H.273"
    return (_LINEAR if shot.light == "linear" else _DISPLAY).format(name)


def write(shot: Shot, frames: LayerFrames, folder: Path) -> dict[str, str]:
    """Write `layer/`, `matte/` and `multipart/`, numbered; returns their names with a printf form for the number."""
    return write_sequences(shot, frames, folder, multipart=True)


def write_sequences(shot: Shot, frames: LayerFrames, folder: Path, multipart: bool) -> dict[str, str]:
    """`write`, with or without the multi-part files. VeraError without the OpenEXR library or on a full disk."""
    exr, wanted = need("OpenEXR", "OpenEXR"), _to_wanted(shot)
    names = {
        "layer": f"layer/{shot.name}_layer_premultiplied.{shot.padding}.exr",
        "matte": f"matte/{shot.name}_matte.{shot.padding}.exr",
    }
    if multipart:
        names["multipart"] = f"multipart/{shot.name}_layers.{shot.padding}.exr"
    for name in names.values():
        (folder / name).parent.mkdir()

    def write_frame(offset: int, edit: NDArray[Any], alpha: NDArray[np.uint16]) -> None:
        header = _header(exr, shot, shot.first + offset)
        straight, coverage = to_light(edit, wanted), np.asarray(alpha, np.float32) / 65535
        half = coverage.astype(np.float16)
        layer = np.dstack([straight * coverage[..., None], coverage]).astype(np.float16)
        rgba = {"RGBA": layer}
        parts = {
            "layer": [exr.Part(header | {"veraAlpha": "premultiplied"}, rgba, "rgba")],
            # Red, green and blue: not every program shows a file of one channel.
            "matte": [exr.Part(header | {"veraAlpha": "none"}, {"RGB": np.dstack([half] * 3)}, "matte")],
            "multipart": [
                exr.Part(header | {"veraAlpha": "premultiplied"}, rgba, "rgba"),
                exr.Part(header | {"veraAlpha": "straight"}, _channels("edit", straight), "edit"),
                exr.Part(header | {"veraAlpha": "none"}, {"matte.A": half}, "matte"),
            ],
        }
        for role, name in names.items():
            path = folder / (name % shot.numbers[offset])
            with write_errors(path), exr.File(parts[role]) as file:
                file.write(os.fsencode(path))  # bytes: names need not be UTF-8

    numbered = ((offset, *frame) for offset, frame in enumerate(frames))
    for _ in frames_at_once(write_frame, numbered, AT_ONCE // (shot.size[0] * shot.size[1])):
        pass
    return names


def to_light(edit: NDArray[Any], wanted: Callable[[Colors], Colors]) -> Float:
    """Straight R'G'B' codes as float32 of the wanted light, in which a channel is made of the same one alone."""
    top = int(np.iinfo(edit.dtype).max)
    codes = np.arange(top + 1)[:, None] / np.full(3, top)  # far fewer than there are samples
    table = np.asarray(wanted(codes)[:, 0], np.float32)
    return np.asarray(table[edit])


def _to_wanted(shot: Shot) -> Callable[[Colors], Colors]:
    """What turns encoded values into those of the files."""
    if shot.light == "display" and is_float(shot.clip.pix_fmt):
        raise VeraError(f"{shot.clip.path}: is linear light, and so are layers for it; export with --light linear")
    if shot.light == "display":
        return lambda encoded: encoded
    curve = transfer(shot.clip.color.trc)
    if curve is None:
        raise VeraError(
            f"{shot.clip.path}: its transfer, number {shot.clip.color.trc} of ITU-T H.273, cannot be made linear "
            "here; export with --light display"
        )
    return curve.to_linear


def _channels(layer: str, picture: Float) -> dict[str, NDArray[np.float16]]:
    half = picture.astype(np.float16)
    return {f"{layer}.{name}": np.ascontiguousarray(half[..., index]) for index, name in enumerate("RGB")}


def _header(exr: Any, shot: Shot, position: int) -> dict[str, Any]:
    text = shot.timecode(position)
    hours, minutes, seconds, frames = (int(part) for part in text.replace(";", ":").split(":"))
    # ST 12-1 counts to 29: above 30 frames a second it counts pairs, and a flag tells the two apart.
    step = 1 if shot.rate <= 30 else 2
    header: dict[str, Any] = {
        "compression": exr.ZIP_COMPRESSION,
        "type": exr.scanlineimage,
        "framesPerSecond": shot.rate,
        "pixelAspectRatio": float(shot.clip.display_aspect),
        "veraEncoding": light_note(shot).split(".")[0],
    }
    if frames // step < 30:
        flags = [";" in text, 0, frames % step, 0, 0, 0]
        header["timeCode"] = exr.TimeCode(hours, minutes, seconds, frames // step, *flags, *[0] * 8)
    if shot.light == "linear" and (primaries := chromaticities(shot.clip.color.primaries)):
        header["chromaticities"] = primaries
    return header
