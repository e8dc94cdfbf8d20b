"""The table of targets: what each program or format gets, and the words about it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vera.layers.export import aftereffects, exr, fcpxml7, ffv1, nuke, otio, png, prores, psd, qtrle, tiff, webm
from vera.layers.export.shot import LayerFrames, Shot


@dataclass(frozen=True)
class Target:
    """A way to export.

    `write(shot, frames, folder)` fills an empty folder and returns what it wrote: roles (layer, matte, project ...) and
    their paths in the folder, with a printf form where files are numbered. `alpha` is how the layer's colours are
    stored. `steps` says what to click, given the shot; names of roles in braces stand for their paths.
    """

    title: str
    alpha: Literal["straight", "premultiplied"]
    write: Callable[[Shot, LayerFrames, Path], Mapping[str, str]]
    steps: Callable[[Shot], str]


def _says(text: str) -> Callable[[Shot], str]:
    return lambda shot: text


TARGETS: Mapping[str, Target] = {
    "prores4444": Target("ProRes 4444", "straight", prores.write, _says(prores.STEPS)),
    "exr": Target("OpenEXR sequences", "premultiplied", exr.write, exr.steps),
    "png": Target("PNG sequences", "straight", png.write, _says(png.STEPS)),
    "tiff": Target("TIFF sequences", "straight", tiff.write, _says(tiff.STEPS)),
    "webm": Target("WebM with alpha", "straight", webm.write, _says(webm.STEPS)),
    "qtrle": Target("QuickTime Animation", "straight", qtrle.write, _says(qtrle.STEPS)),
    "ffv1": Target("FFV1", "straight", ffv1.write, _says(ffv1.STEPS)),
    "otio": Target("an OpenTimelineIO timeline", "straight", otio.write, _says(otio.STEPS)),
    "fcpxml7": Target("a Final Cut Pro 7 XML timeline", "straight", fcpxml7.write, _says(fcpxml7.STEPS)),
    "aftereffects": Target("After Effects", "straight", aftereffects.write, _says(aftereffects.STEPS)),
    "nuke": Target("Nuke", "premultiplied", nuke.write, nuke.steps),
    "psd": Target("Photoshop", "straight", psd.write, _says(psd.STEPS)),
}
