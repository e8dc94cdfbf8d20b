"""Clips as arrays: what measures see of footage."""

from collections.abc import Sequence
from fractions import Fraction

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from vera.arrays import Frames
from vera.color.tags import LIMITED, color_tags
from vera.color.transform import color_transform
from vera.errors import VeraError
from vera.video import UPRIGHT, Clip, ClipLike, as_clip, planes
from vera.video.view import source_view


def read_frames(source: ClipLike, size: tuple[int, int] | None = None) -> Frames:
    """Read all frames of a clip as a BT.709 display shows them: upright RGB `[T,H,W,3]` uint8.

    `size` is width and height; None is the clip's own. VeraError for a clip that is damaged.
    """
    clip = as_clip(source)
    width, height = size or clip.display_size
    transform = color_transform(clip.color)
    stored = (clip.width, clip.height) == (width, height) and clip.orientation == UPRIGHT and transform is None
    with clip.frames() as reader:
        frames = [
            _channels(frame)
            if stored and _is_rgb(frame)
            else source_view(frame, width, height, clip.orientation, transform)
            for frame in reader
        ]
        check_undamaged(clip, reader.damaged)
    return np.stack(frames)


def _is_rgb(frame: av.VideoFrame) -> bool:
    """Whether the samples are R'G'B' of 8 bits, which a view gives back as they are, slowly."""
    return frame.format.name == "gbrp" and color_tags(frame).range != LIMITED


def _channels(frame: av.VideoFrame) -> NDArray[np.uint8]:
    green, blue, red = planes(frame)
    return np.asarray(cv2.merge([red, green, blue]), np.uint8)


def read_alike(source: ClipLike, like: Clip) -> Frames:
    """Read a clip of the size and length of `like` as `read_frames` does. VeraError for one of others."""
    clip = as_clip(source)
    if (clip.display_size, clip.frame_count) != (like.display_size, like.frame_count):
        raise VeraError(
            f"{clip.path}: has {_shape(clip)}, {like.path} {_shape(like)}: a case has clips of one size and length"
        )
    return read_frames(clip)


def read_grey(source: ClipLike, like: Clip) -> NDArray[np.uint8]:
    """Read a grey clip, such as a matte, as `read_alike` does: `[T,H,W]` uint8."""
    return np.stack([cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in read_alike(source, like)])


def check_undamaged(clip: Clip, damaged: Sequence[Fraction]) -> None:
    """Raise VeraError if frames of a clip could not be decoded."""
    if damaged:
        raise VeraError(f"{clip.path}: is damaged at {float(damaged[0]):.3f} s")


def _shape(clip: Clip) -> str:
    width, height = clip.display_size
    return f"{clip.frame_count} frames of {width}x{height}"
