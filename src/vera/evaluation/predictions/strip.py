"""A strip of pictures of one prediction: source, edit, alpha, result and, where known, the ground truth."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vera.arrays import Frames
from vera.evaluation.predictions.prediction import Prediction
from vera.whole import whole_file

TILE = 128  # pixels of width


def write_strip(path: Path, source: Frames, found: Prediction, truth: Frames | None = None) -> None:
    """A JPEG of a clip's middle frame: source, edit on a checkerboard, alpha, result and, where known, the true one.

    An edit without layers shows neither edit nor alpha.
    """
    t = len(source) // 2
    tiles = [source[t]]
    if found.edit is not None and found.alpha is not None:
        alpha = found.alpha[t][..., None]
        shown = alpha * found.edit[t] + (1 - alpha) * _checkerboard(*found.alpha.shape[1:])[..., None]
        tiles += [shown, np.repeat(alpha * 255, 3, axis=-1)]
    tiles.append(found.result[t])
    if truth is not None:
        tiles.append(truth[t])
    save_picture(path, np.concatenate([_small(np.asarray(tile, np.uint8)) for tile in tiles], axis=1))


def save_picture(path: Path, picture: NDArray[np.uint8]) -> None:
    """Write a JPEG, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as partial:
        Image.fromarray(picture).save(partial, format="JPEG", quality=88)


def _small(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height = round(picture.shape[0] * TILE / picture.shape[1])
    return np.asarray(cv2.resize(picture, (TILE, height), interpolation=cv2.INTER_AREA))


def _checkerboard(height: int, width: int, cell: int = 8) -> NDArray[np.float64]:
    odd = (np.arange(width)[None, :] // cell + np.arange(height)[:, None] // cell) % 2
    return np.where(odd, 200.0, 235.0)
