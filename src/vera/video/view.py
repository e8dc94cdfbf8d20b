"""Frames as a model sees them: RGB at its size, by the tags, turned for display."""

import os
import threading
from functools import cache, lru_cache

import av
import cv2
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from vera.color.tags import FULL, LIMITED, apply_tags, color_tags, resolve_color
from vera.color.transfer import srgb_encode
from vera.color.transform import ColorTransform
from vera.errors import VeraError
from vera.video.arrays import planes
from vera.video.components import INTERLEAVED, color_components, components_to_rgb
from vera.video.formats import is_float
from vera.video.orientation import UPRIGHT, Orientation

# Without the three flags swscale takes short cuts that move most samples by about one code value.
ACCURATE = Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP


@cache
def _scaler(process: int, thread: int) -> VideoReformatter:
    """One a thread: a frame's own `reformat` sets up swscale, with its threads, anew for each frame.

    A forked process has none of those threads: it would wait for them for ever, also to free a scaler. So it has its
    own, and frees no other.
    """
    return VideoReformatter()


# swscale takes grey for full range whatever it is told.
_LIMITED_TO_FULL = np.rint((np.arange(256) - 16) * (255 / 219)).clip(0, 255).astype(np.uint8)


def _displayed(frame: av.VideoFrame) -> av.VideoFrame:
    """A frame of linear light as R'G'B' or grey of 8 bits."""
    parts, views = frame.format.components, planes(frame)
    shown = av.VideoFrame(frame.width, frame.height, "gray" if len(parts) < 3 else "gbrp")
    for target, source in zip(planes(shown), views, strict=False):
        light = source if source.ndim == 2 else source[..., 0]
        with np.errstate(over="ignore"):
            target[...] = _shown_halves()[light.astype(np.float16).view(np.uint16)]
    return shown


@lru_cache
def _shown_halves() -> NDArray[np.uint8]:
    """R'G'B' for each half float, which has digits enough for what is shown; black for what is no number."""
    halves = np.arange(65536, dtype=np.uint16).view(np.float16).astype(np.float64)
    codes: NDArray[np.uint8] = np.rint(srgb_encode(np.nan_to_num(halves).clip(0, 1)) * 255).astype(np.uint8)
    return codes


def model_view(frame: av.VideoFrame, width: int, height: int, orientation: Orientation = UPRIGHT) -> NDArray[np.uint8]:
    """The frame as a model sees it: uint8 RGB [height, width, 3], full range, turned for display and resized.

    `width` and `height` are the size after turning and mirroring by `orientation`. Matrix and range are those of the
    frame's tags, or the usual ones where it has none (`resolve_color`). Alpha is left out, and linear light is shown as
    sRGB, clipped to its black and white.
    """
    if is_float(frame.format.name):
        frame = _displayed(frame)
    tags = color_tags(frame)
    color = resolve_color(tags, frame.height, frame.format.name)
    size = orientation.swapped((width, height))
    apply_tags(color, frame)
    try:
        picture = _scaler(os.getpid(), threading.get_ident()).reformat(
            frame,
            *size,
            format="gbrp16le",  # to 8 bits swscale wraps round what is twice as blue as blue can be
            src_color_range=color.range,
            dst_color_range=FULL,
            interpolation=Interpolation.BICUBIC | ACCURATE,
        )
    except av.FFmpegError as error:
        raise VeraError(
            f"pictures in {frame.format.name} with the colour matrix {color.space} can't be shown ({error.strerror}); "
            "convert the clip to BT.709 first, or correct its tags"
        ) from error
    finally:
        apply_tags(tags, frame)
    green, blue, red = planes(picture)
    # It widens codes by a shift, so that white is 255 * 256 where it is not the highest code of so many bits.
    depth = frame.format.components[0].bits
    scale = 1 / 256 if color.range == LIMITED else 255 / ((2**depth - 1) << (16 - depth))
    narrow = [cv2.convertScaleAbs(plane, alpha=scale) for plane in (red, green, blue)]
    array = np.asarray(cv2.merge(narrow), np.uint8)
    if color.range == LIMITED and len(frame.format.components) == 1:
        array = _LIMITED_TO_FULL[array]
    return np.ascontiguousarray(orientation.upright(array))


def source_view(
    frame: av.VideoFrame,
    width: int,
    height: int,
    orientation: Orientation = UPRIGHT,
    transform: ColorTransform | None = None,
) -> NDArray[np.uint8]:
    """`model_view` through `transform`: uint8 R'G'B' `[height,width,3]` of display-referred BT.709, upright."""
    if transform is None:
        return model_view(frame, width, height, orientation)
    size = orientation.swapped((width, height))
    codes = transform.to_view(picture(frame, size).astype(np.float64))
    return np.ascontiguousarray(orientation.upright(np.rint(codes * 255).astype(np.uint8)))


def picture(frame: av.VideoFrame, size: tuple[int, int]) -> NDArray[np.float32]:
    """R'G'B' of a frame `[h,w,3]` at `size` (width, height) by its tags, from all its bits, not clipped or turned.

    Components are resized before they are converted: averaged where they shrink, the nearest where they grow.
    """
    shift = INTERLEAVED.get(frame.format.name, 0)
    parts = []
    for component in color_components(frame):
        samples = component >> shift if shift else component
        method = cv2.INTER_AREA if size[0] < samples.shape[1] else cv2.INTER_NEAREST
        parts.append(cv2.resize(samples.astype(np.float32), size, interpolation=method))
    return components_to_rgb(parts, frame)


def spread_frames(count: int, wanted: int) -> list[int]:
    """Pick `wanted` of `count` frames, or all of fewer, evenly spread from the first to the last."""
    return [int(index) for index in np.unique(np.linspace(0, count - 1, min(wanted, count)).round())]
