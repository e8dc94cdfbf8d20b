"""Which thing an edit layer shows: its alpha-cropped object among clean cut-outs of every class."""

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.metrics.inputs import check_fits
from vera.metrics.objects import Alpha, bounding_box, main_component, to_alpha
from vera.metrics.recognition.features import Embed, Vectors, fit, unit_vectors
from vera.metrics.recognition.gallery import Gallery, make_gallery
from vera.video.view import spread_frames

BACKDROPS = (32, 128, 224)  # greys that an object is shown on
MARGIN = 0.1  # of the object's longer side, all around
HEIGHTS = (40, 96)  # pixels at which cut-outs are drawn before they are enlarged, as objects in small frames are
LOOKS = 3  # frames of a clip
OUTLINE = 2  # pixels around solid coverage that belong to the object; its shadow does not


def object_gallery(cutouts: Mapping[str, Sequence[NDArray[np.uint8]]], embed: Embed) -> Gallery:
    """Prototypes of every class from its straight RGBA cut-outs `[H,W,4]`: small and large, as they are and mirrored.

    Each prototype is the mean over the backdrops.
    """
    classes = {}
    for name, pictures in cutouts.items():
        views = [_scaled(rgba[:, ::step], height) for rgba in pictures for height in HEIGHTS for step in (1, -1)]
        shown = (object_pictures(view[..., :3], to_alpha(view[..., 3])) for view in views)
        classes[name] = np.stack([_mean(embed(on_backdrops)) for on_backdrops in shown if on_backdrops is not None])
    return make_gallery(classes)


def object_vector(edit: NDArray[np.uint8], alpha: Alpha, embed: Embed) -> Vectors | None:
    """Features `[D]` of the object of a clip, the mean over up to `LOOKS` frames; None if there is no object."""
    check_fits(alpha, edit)
    frames = spread_frames(len(alpha), LOOKS)
    shown = [object_pictures(edit[t], alpha[t]) for t in frames]
    pictures = [picture for on_backdrops in shown if on_backdrops is not None for picture in on_backdrops]
    return _mean(embed(np.stack(pictures))) if pictures else None


def object_pictures(edit: NDArray[np.uint8], alpha: NDArray[np.float32]) -> NDArray[np.uint8] | None:
    """The main component of one frame (`[H,W,3]`, `[H,W]`) over each backdrop, in the middle of a square.

    `[len(BACKDROPS),S,S,3]` at the network's size; None if nothing is solid.
    """
    main = main_component(alpha)
    if not main.any():
        return None
    reach = cv2.dilate(main.astype(np.uint8), np.ones((2 * OUTLINE + 1, 2 * OUTLINE + 1), np.uint8))
    kept = alpha * reach
    left, top, right, bottom = bounding_box(main)
    side = round(max(right - left, bottom - top) * (1 + 2 * MARGIN))
    x, y = (left + right - side) // 2, (top + bottom - side) // 2
    rgba = np.concatenate([edit, kept[..., None] * 255], axis=-1).astype(np.float32)
    square = _window(rgba, x, y, side)
    weight = square[..., 3:] / 255
    pictures = [weight * square[..., :3] + (1 - weight) * grey for grey in BACKDROPS]
    return np.stack([fit(np.rint(picture).astype(np.uint8)) for picture in pictures])


def _window(picture: NDArray[np.float32], x: int, y: int, side: int) -> NDArray[np.float32]:
    """The square of `side` at (x, y), zero where it leaves the picture."""
    padded = np.pad(picture, ((side, side), (side, side), (0, 0)))
    return padded[y + side : y + 2 * side, x + side : x + 2 * side]


def _scaled(rgba: NDArray[np.uint8], height: int) -> NDArray[np.uint8]:
    """A cut-out at `height` pixels, averaged premultiplied, so that colours under alpha 0 do not show."""
    alpha = rgba[..., 3:].astype(np.float32) / 255
    premultiplied = np.concatenate([rgba[..., :3] * alpha, alpha * 255], axis=-1)
    width = max(1, round(rgba.shape[1] * height / rgba.shape[0]))
    small = cv2.resize(premultiplied, (width, height), interpolation=cv2.INTER_AREA)
    colors = small[..., :3] / np.maximum(small[..., 3:] / 255, 1e-3)
    return np.concatenate([colors, small[..., 3:]], axis=-1).clip(0, 255).round().astype(np.uint8)


def _mean(vectors: Vectors) -> Vectors:
    return unit_vectors(vectors.mean(axis=0))
