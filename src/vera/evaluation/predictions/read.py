"""What an edit's files hold, as arrays of one size."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vera.arrays import Frames
from vera.evaluation.cases.views import read_frames
from vera.evaluation.methods.method import Edited
from vera.evaluation.predictions.prediction import Prediction
from vera.layers import LayeredEdit, load_layers
from vera.layers.source_match import frame_map
from vera.metrics.objects import Alpha, to_alpha
from vera.video import Clip
from vera.video.view import model_view


def read_edit(edited: Edited, source: Clip, size: tuple[int, int] | None = None) -> Prediction:
    """Read result and layers at `size` (width, height; None: the source's). VeraError for files that cannot be read."""
    result = read_frames(edited.result, size or source.display_size)
    if edited.layers is None:
        return Prediction(None, None, None, result)
    edit, alpha = read_layers(load_layers(edited.layers), source, size or source.display_size)
    return Prediction(edit, alpha, None, result)


def layer_size(layers: Path) -> tuple[int, int]:
    """Width and height at which layers were drawn."""
    return load_layers(layers).size


def read_layers(layers: LayeredEdit, source: Clip, size: tuple[int, int]) -> tuple[Frames, Alpha]:
    """Edit `[T,H,W,3]` uint8 and alpha `[T,H,W]` of every frame of the source, brought to `size` as results are.

    Frames without layers have alpha 0. VeraError for layers of another clip.
    """
    places = frame_map(layers, source)
    edit = np.zeros((source.frame_count, size[1], size[0], 3), np.uint8)
    alpha = np.zeros(edit.shape[:3], np.float32)
    with source.frames() as reader:
        for number, frame in enumerate(reader):
            index = places.get(frame.pts or 0)
            if index is None:
                continue
            if size == layers.size:
                edit[number], alpha[number] = _eight(layers.edit[index]), to_alpha(layers.alpha[index])
                continue
            plate = model_view(frame, *size, source.orientation) if layers.finish.needs_plate else None
            fitted = layers.frame(index, size, plate).codes()
            edit[number], alpha[number] = _eight(fitted.edit), to_alpha(fitted.alpha)
    return edit, alpha


def _eight(codes: NDArray[np.uint8] | NDArray[np.uint16]) -> NDArray[np.uint8]:
    """Codes of 8 bits."""
    return np.asarray(codes if codes.dtype == np.uint8 else np.rint(codes / 257), np.uint8)
