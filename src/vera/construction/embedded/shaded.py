"""Shadows: frames that show the ground darker than another frame, or than it usually is, as a shadow would."""

import cv2
import numpy as np

from vera.arrays import Float
from vera.construction.embedded.background_median import masked_quantile, shown_from
from vera.construction.embedded.camera import CameraTrack
from vera.construction.embedded.regions import Frames, Mask, box_about

# Darkening is a logarithm of light. `python -m benchmarks.construction` and its `--real` print what these give, as seen
# and held out.
BLACK = 4  # codes added before the logarithm, so that the noise of black does not count
FAINT = 0.02  # least darkening
DEEP = 0.3  # largest: deeper shadows are found as effects, and what stands before something brighter is darker, too
NEUTRAL = 0.08  # difference of two channels' darkening
EVEN = 1.0  # deviation of the darkening about a place, as a share of its mean: more is a moved edge
NARROW, WIDE = 1.5, 3.0  # pixels that darkening is averaged over, in a frame and for its deviation
MARGIN = 10  # pixels about a hole that averages reach


def shaded(frames: Frames, holes: Mask, camera: CameraTrack, others: list[int], t: int) -> Mask:
    """Where the frames `others` of a clip `[T,H,W,3]` show, in shadow, what the hole of frame `t` hides: `[N,H,W]`.

    Another of them shows the place brighter, by about the same share in all channels and in the neighbourhood. Edges
    that parallax or the camera's errors move make it darker here and brighter there. `holes` `[T,H,W]` show nothing.
    """
    found = np.zeros((len(others), *holes.shape[1:]), bool)
    box = box_about(holes[t], MARGIN)
    rows, columns = holes[t][box].shape
    size = columns, rows
    corner = np.array([[1, 0, -box[1].start], [0, 1, -box[0].start], [0, 0, 1.0]])
    places = {s: corner @ camera.between(s, t) for s in others}
    shown = np.array([shown_from(holes[s], place, size) for s, place in places.items()])
    if not (len(others) and (shown & holes[t][box]).any()):
        return found
    pictures = np.stack([cv2.warpPerspective(frames[s], place, size) for s, place in places.items()])
    usual = _light(masked_quantile(pictures, shown, 0.5))
    light = [_average(_light(picture) - usual, seen, NARROW) for picture, seen in zip(pictures, shown, strict=True)]
    dark = _darkened(np.stack(light), shown)
    gained = _light(masked_quantile(pictures, shown & ~dark, 0.5)).mean(-1) - usual.mean(-1)
    any_shown: Mask = np.any(shown, axis=0)
    found[:, *box] = dark & _even(gained, any_shown)
    return found


def darkened_evenly(frame: Float, background: Float, shown: Mask) -> Mask:
    """Where `frame` `[H,W,3]` is darker than the `background`, by about the same share in all channels and about it.

    Deeper shadows than `shaded` looks for count as well. Averages are taken over what is `shown` `[H,W]`.
    """
    lost = _light(background) - _light(frame)
    near = _average(lost, shown, NARROW)
    dark = (near.mean(-1) > FAINT) & (np.ptp(near, axis=-1) < NEUTRAL)
    return np.asarray(dark & _even(lost.mean(-1), shown))


def _darkened(light: Float, shown: Mask) -> Mask:
    """Where `light` `[N,H,W,3]` is below that of the brightest that is `shown` `[N,H,W]`, in all channels alike."""
    brightest = np.where(shown, light.mean(-1), -np.inf).argmax(0)
    lost = np.take_along_axis(light, brightest[None, ..., None], 0) - light
    mean = lost.mean(-1)
    return np.asarray(shown & (mean > FAINT) & (mean < DEEP) & (np.ptp(lost, axis=-1) < NEUTRAL))


def _even(lost: Float, shown: Mask) -> Mask:
    """Where the darkening `[H,W]` deviates from its average by less than a share of it."""
    mean = _average(lost, shown, WIDE)
    variance = _average(np.square(lost), shown, WIDE) - np.square(mean)
    return np.asarray(np.sqrt(variance.clip(0)) < EVEN * mean)


def _light(picture: Frames | Float) -> Float:
    return np.asarray(np.log(picture.astype(np.float32) + BLACK))


def _average(values: Float, shown: Mask, reach: float) -> Float:
    """Gaussian average of `values` `[H,W]` or `[H,W,C]` over what is `shown` `[H,W]`."""
    weight = shown.astype(np.float32)
    within = values * weight.reshape(shown.shape + (1,) * (values.ndim - 2))
    total, share = (cv2.GaussianBlur(each, (0, 0), reach) for each in (within, weight))
    return np.asarray(total / np.maximum(share, np.float32(1e-3)).reshape(shown.shape + (1,) * (values.ndim - 2)))
