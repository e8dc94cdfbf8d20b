"""Masks from files: white is the subject that an edit must preserve.

A mask of one picture, of any kind, is that of all frames. Interlaced ones are read as the `source`, a clip, is.
"""

import warnings
from collections.abc import Generator
from contextlib import closing
from itertools import islice, repeat
from pathlib import Path
from typing import NamedTuple, TypeVar

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from vera.errors import VeraError
from vera.video import Clip, Orientation, model_view, open_clip
from vera.video.arrays import copy_frame, plane_layout
from vera.video.components import components, has_alpha
from vera.video.decoding.decoder import frame_decoder
from vera.video.formats import is_float, plain
from vera.video.open import StillError, open_picture
from vera.video.orientation import display_matrix, nearest_orientation
from vera.video.sequence import PICTURES, source_files
from vera.video.view import picture

_WHITE = 128  # of 255: from middle grey on
RIMS = 0.01  # of the frame, which soft edges of a shape take: they may be on either side

T = TypeVar("T")


class _Frame(NamedTuple):
    """A frame of a mask as it is stored, how it becomes upright, and whether it holds what was written, labels too."""

    stored: av.VideoFrame
    turned: Orientation
    exact: bool


def check_mask(path: Path, source: Clip) -> None:
    """VeraError unless `path` is a picture of the source's display size, or a video of it with as many frames."""
    size = still_size(path)
    if size is None:
        clip = _film(path, source)
        size = clip.display_size
        if clip.frame_count not in (1, source.frame_count):
            raise VeraError(
                f"mask {path}: has {clip.frame_count} frames, the source {source.frame_count}: "
                "give one mask frame for each, or a still image"
            )
    if size != source.display_size:
        width, height = source.display_size
        raise VeraError(f"mask {path}: is {size[0]}x{size[1]}, the source {width}x{height}: make it the source's size")


def still_size(path: Path) -> tuple[int, int] | None:
    """Width and height of a mask of one picture, upright as its Exif says; None for a film, a pattern or a folder."""
    still = _still(path)
    return None if still is None else still.turned.swapped((still.stored.width, still.stored.height))


def check_white(
    path: Path, size: tuple[int, int], frames: int, warn: bool = True, source: Clip | None = None, first: int = 0
) -> None:
    """Warn, unless not to, where nothing is white from frame `first` up to number `frames` of a mask at `size`.

    `size`: width and height. VeraError if they are exact and not black: they hold labels then. Reading stops at the
    first white frame, so a good mask costs few; it is warned of if the shape in its alpha is another one than that of
    its white.
    """
    first = 0 if first and is_still(path, source) else first
    with closing(_marked(path, *size, source)) as masks:
        for frame, mask in islice(masks, first, frames):
            if mask.any():
                if warn and _has_own_shape(frame):
                    white = "white all over" if mask.all() else "not white where it is opaque"
                    warnings.warn(
                        f"mask {path}: is {white}, and the shape in its alpha is not read; lay that over black",
                        stacklevel=2,
                    )
                return
    with closing(_frames(path, source)) as pictures:
        found = [
            (_brightest(frame), _top(frame), exact, _has_own_shape(frame))
            for frame, _, exact in islice(pictures, first, frames)
        ]
    brightest, top, exact, _ = max(found)
    alpha = ", and the shape in its alpha is not read" if any(shape for *_, shape in found) else ""
    told = f"mask {path}: nothing in it is white (the brightest is {brightest} of {top}){alpha}"
    if exact and brightest > 0:
        raise VeraError(f"{told}; paint what must stay in white, or write that label as {top} and others as 0")
    if warn:
        warnings.warn(f"{told}, nothing is preserved; paint what must stay in white", stacklevel=2)


def mask_frames(
    path: Path, width: int, height: int, source: Clip | None = None
) -> Generator[NDArray[np.bool_], None, None]:
    """The mask frames one after the other as [height,width]; those of a still image never end.

    Pictures of labels 0 and 1, as segmenters write them, are masks as well: 1 is white.
    """
    yield from _lasting(mask for _, mask in _marked(path, width, height, source))


def mask_pictures(
    path: Path, width: int, height: int, source: Clip | None = None
) -> Generator[NDArray[np.uint8], None, None]:
    """RGB [H,W,3] of each mask frame; that of a still image without an end."""
    yield from _lasting(model_view(frame, width, height, turned) for frame, turned, _ in _frames(path, source))


def is_still(path: Path, source: Clip | None = None) -> bool:
    """Whether a mask is one picture for all frames."""
    return _still(path) is not None or _film(path, source).frame_count == 1


def mask_files(path: Path) -> tuple[Path, ...]:
    """The files that a mask consists of, as `source_files`; a picture's own name may look like a pattern."""
    return (path,) if path.is_file() else source_files(path)


def _lasting(views: Generator[T, None, None]) -> Generator[T, None, None]:
    """All of them; one alone without an end."""
    count = 0
    for view in views:
        yield view
        count += 1
    if count == 1:
        yield from repeat(view)


def _marked(
    path: Path, width: int, height: int, source: Clip | None
) -> Generator[tuple[av.VideoFrame, NDArray[np.bool_]], None, None]:
    """Each frame of a mask once, and where it is white."""
    labels = True  # until a picture is brighter
    with closing(_frames(path, source)) as frames:
        for frame, turned, exact in frames:
            labels = labels and exact and _brightest(frame) <= 1
            if labels:
                grey = picture(frame, turned.swapped((width, height))).mean(axis=-1) * _top(frame)
                yield frame, turned.upright(grey) >= 0.5
            else:
                yield frame, model_view(frame, width, height, turned).mean(axis=-1) >= _WHITE


def _frames(path: Path, source: Clip | None) -> Generator[_Frame, None, None]:
    """Each frame of a mask once."""
    if (still := _still(path)) is not None:
        yield still
        return
    clip = _film(path, source)
    with clip.frames() as reader:
        exact = _is_exact(reader.stream)
        for frame in reader.first(clip.frame_count):
            yield _Frame(frame, clip.orientation, exact)


def _film(path: Path, source: Clip | None) -> Clip:
    try:
        if source is None:
            return open_clip(path)
        return open_clip(path, deinterlace=source.deinterlace, progressive=source.progressive)
    except StillError:
        raise VeraError(f"mask {path}: is a picture of a kind that is not read; convert it to PNG") from None


def _still(path: Path) -> _Frame | None:
    """The picture that a file holds; None for a film, a pattern or a folder."""
    if not path.is_file():
        return None
    opened = False
    try:
        container = open_picture(path)
        if container is None:
            return None
        opened = True
        with container:
            decode = frame_decoder(container.streams.video[0], (path,))
            frame = next(frame for packet in container.demux(video=0) for frame in decode(packet) or ())
            return _Frame(
                _plain(frame), nearest_orientation(display_matrix(frame)), _is_exact(container.streams.video[0])
            )
    except (av.FFmpegError, OSError, StopIteration, IndexError):
        if opened or path.suffix.lower() in PICTURES:
            raise VeraError(f"mask {path}: is not a picture that can be read; convert it to PNG") from None
        return None  # no film either, of which its reader tells more


def _plain(frame: av.VideoFrame) -> av.VideoFrame:
    """In planes from the top down; the words of 16 bits that old TGA and BMP have become RGB of 8."""
    frame = plain(frame, VideoReformatter())
    if any(plane.line_size < 0 for plane in frame.planes):
        frame = copy_frame(frame)
    try:
        plane_layout(frame.format.name)
    except VeraError:
        return frame.reformat(format="rgb24")
    return frame


def _brightest(frame: av.VideoFrame) -> int:
    """The highest grey of a frame in its own codes, which 8 bits would round."""
    return round(float(picture(frame, (frame.width, frame.height)).mean(axis=-1).max()) * _top(frame))


def _top(frame: av.VideoFrame) -> int:
    """The code of white; as of 8 bits for floats, which have none."""
    return 255 if is_float(frame.format.name) else 2 ** frame.format.components[0].bits - 1


def _has_own_shape(frame: av.VideoFrame) -> bool:
    """Whether a frame is clear in places, and others than those that are not white."""
    if not has_alpha(frame.format):
        return False
    opaque = components(frame)[-1] >= (0.5 if is_float(frame.format.name) else (_top(frame) + 1) // 2)
    white = picture(frame, (frame.width, frame.height)).mean(axis=-1) * 255 >= _WHITE
    return not opaque.all() and bool((opaque != white).mean() > RIMS)


def _is_exact(stream: VideoStream) -> bool:
    codec = stream.codec_context.codec
    return codec.lossless and not codec.lossy
