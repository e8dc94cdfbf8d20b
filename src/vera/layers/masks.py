"""Masks from files: white is the subject that an edit must preserve."""

import warnings
from collections.abc import Generator
from contextlib import closing
from itertools import islice, repeat
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from vera.errors import VeraError
from vera.video import Clip, FrameReader, model_view, open_clip
from vera.video.formats import plain
from vera.video.open import open_input
from vera.video.sequence import is_pattern, source_files

_STILLS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
_EXACT = (".png", ".bmp", ".tif", ".tiff", ".dpx")  # pictures that hold what was written, labels too
_WHITE = 128  # of 255: from middle grey on


def check_mask(path: Path, source: Clip) -> None:
    """VeraError unless `path` is a picture of the source's display size, or a video of it with as many frames."""
    if is_still(path):
        frame = _read_still(path)
        size = (frame.width, frame.height)
    else:
        clip = open_clip(path)
        size = clip.display_size
        if clip.frame_count != source.frame_count:
            raise VeraError(
                f"mask {path}: has {clip.frame_count} frames, the source {source.frame_count}: "
                "give one mask frame for each, or a still image"
            )
    if size != source.display_size:
        width, height = source.display_size
        raise VeraError(f"mask {path}: is {size[0]}x{size[1]}, the source {width}x{height}: make it the source's size")


def check_white(path: Path, size: tuple[int, int], frames: int, warn: bool = True) -> None:
    """Warn, unless not to, where nothing is white in the first `frames` of a mask at `size`, width and height.

    VeraError if they are exact and not black: they hold labels then. Reading stops at the first white frame, so a good
    mask costs one.
    """
    frames = 1 if is_still(path) else frames
    with closing(mask_frames(path, *size)) as masks:
        if any(mask.any() for mask in islice(masks, frames)):
            return
    with closing(mask_pictures(path, *size)) as pictures:
        brightest = max(float(rgb.mean(axis=-1).max()) for rgb in islice(pictures, frames))
    told = f"mask {path}: nothing in it is white (the brightest is {brightest:.0f} of 255)"
    if _is_exact(path) and brightest > 0:
        raise VeraError(f"{told}; paint what must stay in white, or write that label as 255 and others as 0")
    if warn:
        warnings.warn(f"{told}, nothing is preserved; paint what must stay in white", stacklevel=2)


def mask_frames(path: Path, width: int, height: int) -> Generator[NDArray[np.bool_], None, None]:
    """The mask frames one after the other as [height,width]; those of a still image never end.

    Pictures of labels 0 and 1, as segmenters write them, are masks as well: 1 is white.
    """
    white, undecided = _WHITE, _is_exact(path)
    for rgb in mask_pictures(path, width, height):
        grey = rgb.mean(axis=-1)
        if undecided and grey.any():  # the first picture that is not black tells of what kind all are
            white, undecided = 1 if grey.max() == 1 else _WHITE, False
        yield np.asarray(grey >= white)


def mask_pictures(path: Path, width: int, height: int) -> Generator[NDArray[np.uint8], None, None]:
    """RGB [H,W,3] of each mask frame; that of a still image without an end."""
    if is_still(path):
        yield from repeat(model_view(_read_still(path), width, height))
    clip = open_clip(path)
    with FrameReader(path) as reader:
        for frame in reader.first(clip.frame_count):
            yield model_view(frame, width, height, clip.orientation)


def is_still(path: Path) -> bool:
    """Whether a mask is one picture for all frames, by its suffix; a picture's own name may look like a pattern."""
    return path.suffix.lower() in _STILLS and (path.is_file() or not is_pattern(path))


def mask_files(path: Path) -> tuple[Path, ...]:
    """The files that a mask consists of, as `source_files`."""
    return (path,) if is_still(path) else source_files(path)


def _is_exact(path: Path) -> bool:
    return mask_files(path)[0].suffix.lower() in _EXACT


def _read_still(path: Path) -> av.VideoFrame:
    if not path.is_file():
        raise VeraError(f"mask {path}: no such file")
    try:
        with open_input(path) as container:
            return plain(next(container.decode(video=0)), VideoReformatter())
    except (av.FFmpegError, StopIteration, IndexError):
        raise VeraError(f"mask {path}: is not a picture that can be read") from None
