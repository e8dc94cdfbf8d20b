"""Photoshop: one frame as a document of plate, edit and matte."""

from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from vera.errors import VeraError
from vera.layers.export.samples import rescale
from vera.layers.export.shot import LayerFrames, Shot
from vera.optional import need
from vera.video.view import picture

STEPS = """\
Photoshop, Affinity Photo, GIMP, Krita: open {still}. Layers, from below: Plate (the source's frame), Edit (the layer,
  with its matte as transparency) and Matte (hidden). To limit an adjustment to the edit, clip it to the layer Edit.
Colours are the plate's own R'G'B', without a profile: Edit > Assign Profile, such as Rec.709."""

_LIMIT = 30000  # pixels on a side


def write(shot: Shot, frames: LayerFrames, folder: Path) -> dict[str, str]:
    """Write the frame `shot.still`, 8 bits a channel for sources of 8 bits and 16 for deeper ones; returns its name.

    VeraError for a frame that the layers do not have, pictures above 30000 pixels, or without psd-tools.
    """
    tools = need("psd_tools", "psd-tools")
    number = shot.numbers[len(shot.numbers) // 2] if shot.still is None else shot.still
    if number not in shot.numbers:
        raise VeraError(f"the layers have no frame {number}; choose from {shot.numbers[0]} to {shot.numbers[-1]}")
    if max(shot.size) > _LIMIT:
        raise VeraError(f"a PSD has at most {_LIMIT} pixels on a side, not {shot.size[0]}x{shot.size[1]}")
    top = 255 if shot.clip.bit_depth <= 8 and shot.edit.edit.dtype == np.uint8 else 65535
    time = shot.clip.pts[number - shot.start_frame]
    with shot.clip.frames() as reader:
        source = next(frame for frame in reader if frame.pts == time)
    edit, alpha = shot.frame(time, shot.view(source))
    coverage = rescale(alpha, top)
    document = tools.PSDImage.new("RGBA", shot.size, depth=8 if top == 255 else 16)
    full = np.full_like(coverage, top)
    for name, color, transparency in (
        ("Plate", _plate(shot, source, top), full),
        ("Edit", rescale(edit, top), coverage),
        ("Matte", np.dstack([coverage] * 3), full),
    ):
        layer = document.create_pixel_layer_from_array(np.dstack([color, transparency]), name)
        layer.visible = name != "Matte"
    still = f"{shot.name}_layers.{shot.padding}.psd" % number
    document.save(str(folder / still))
    return {"still": still}


def _plate(shot: Shot, source: av.VideoFrame, top: int) -> NDArray[Any]:
    """The source's frame, upright RGB codes `[H,W,3]` of 0..`top`: by our own arithmetic."""
    rgb = picture(source, (source.width, source.height))
    upright = shot.clip.orientation.upright(np.rint(rgb.clip(0, 1) * top))
    return np.ascontiguousarray(upright, np.uint8 if top == 255 else np.uint16)
