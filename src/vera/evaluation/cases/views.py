"""Clips as arrays: what measures see of footage."""

from collections.abc import Sequence
from fractions import Fraction

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.arrays import Frames
from vera.color.transform import color_transform
from vera.errors import VeraError
from vera.video import Clip, ClipLike, as_clip
from vera.video.view import source_view


def read_frames(source: ClipLike, size: tuple[int, int] | None = None) -> Frames:
    """Read all frames of a clip as a BT.709 display shows them: upright RGB `[T,H,W,3]` uint8.

    `size` is width and height; None is the clip's own. VeraError for a clip that is damaged.
    """
    clip = as_clip(source)
    transform = color_transform(clip.color)
    with clip.frames() as reader:
        frames = [source_view(frame, *(size or clip.display_size), clip.orientation, transform) for frame in reader]
        check_undamaged(clip, reader.damaged)
    return np.stack(frames)


def read_grey(source: ClipLike, like: Clip) -> NDArray[np.uint8]:
    """Read a grey clip, such as a matte, of the size and length of `like`: `[T,H,W]` uint8. VeraError for others."""
    clip = as_clip(source)
    if (clip.display_size, clip.frame_count) != (like.display_size, like.frame_count):
        raise VeraError(
            f"{clip.path}: has {_shape(clip)}, {like.path} {_shape(like)}: a case has clips of one size and length"
        )
    return np.stack([cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in read_frames(clip)])


def check_undamaged(clip: Clip, damaged: Sequence[Fraction]) -> None:
    """Raise VeraError if frames of a clip could not be decoded."""
    if damaged:
        raise VeraError(f"{clip.path}: is damaged at {float(damaged[0]):.3f} s")


def _shape(clip: Clip) -> str:
    width, height = clip.display_size
    return f"{clip.frame_count} frames of {width}x{height}"
