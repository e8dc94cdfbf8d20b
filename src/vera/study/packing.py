"""A pair as one video: the source over two results, in which nothing can drift and which every browser plays."""

from collections.abc import Generator, Sequence
from contextlib import ExitStack, closing
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from vera.color.transform import color_transform
from vera.errors import VeraError
from vera.video import Clip, open_clip
from vera.video.delivery import add_h264, delivery_frame
from vera.video.open import open_output
from vera.video.view import source_view
from vera.vlm.media import fitting_size
from vera.whole import whole_file

Picture = NDArray[np.uint8]
LONGEST = 1280  # pixels of a shown picture: three of them over each other still play on phones
# Rows above and below a picture that repeat its edge: what a codec and a player smooth over edges stays in them.
TOP = 8
BLOCK = 16  # pixels of a macroblock, of which every picture has its own
CLOCK = 90_000  # ticks a second, which hold every rate's times to a hundredth of a millisecond
COARSE = 14  # cells across a damaged picture
Place = Literal["first", "second"]


def check_alike(source: Clip, result: Clip) -> None:
    """Raise VeraError unless a result has the source's size, length and frame times."""
    alike = (source.display_size, source.display_aspect, source.frame_count) == (
        result.display_size,
        result.display_aspect,
        result.frame_count,
    )
    if alike:
        late = max(abs(a - b) for a, b in zip(_seconds(source), _seconds(result), strict=True))
        alike = late <= 1 / (2 * source.average_rate)
    if not alike:
        raise VeraError(
            f"{result.path}: is {_shape(result)}, the source {_shape(source)}: a pair is shown only where size, length "
            "and rate are those of the source; `vera evaluate run` brings videos to them"
        )


def shown_size(source: Clip) -> tuple[int, int]:
    """Return width and height, both even, at which a clip is shown: square pixels, at most `LONGEST`."""
    width, height = fitting_size(source, LONGEST)
    return max(2, width // 2 * 2), max(2, height // 2 * 2)


def rows_apart(height: int) -> int:
    """Return how far the upper edges of packed pictures are apart, in pixels."""
    return -(-(height + 2 * TOP) // BLOCK) * BLOCK


def pack(source: Path, first: Path, second: Path, out: Path, damaged: Place | None = None) -> None:
    """Write H.264 (crf 12, BT.709) of the source over the first over the second result, with the source's times.

    `damaged` names the result that is made unrecognisable, for a catch. VeraError as `check_alike`.
    """
    clips = [open_clip(path) for path in (source, first, second)]
    for result in clips[1:]:
        check_alike(clips[0], result)
    width, height = shown_size(clips[0])
    rows = rows_apart(height)
    with whole_file(out) as partial, ExitStack() as opened:
        container = opened.enter_context(open_output(partial, container_options=_CONTAINER))
        stream = _stream(container, clips[0], (width, 3 * rows))
        streams = [opened.enter_context(closing(_pictures(clip, (width, height)))) for clip in clips]
        for pictures, time in zip(zip(*streams, strict=True), _seconds(clips[0]), strict=True):
            packed = _stacked(pictures, rows, {"first": 1, "second": 2}.get(damaged or ""))
            container.mux(stream.encode(_frame(packed, time)))
        container.mux(stream.encode(None))


def damage(picture: Picture) -> Picture:
    """Make a picture unrecognisable: a few coarse cells in inverted colours, of the same shape."""
    height, width = picture.shape[:2]
    small = cv2.resize(picture, (COARSE, max(1, round(COARSE * height / width))), interpolation=cv2.INTER_AREA)
    return np.asarray(255 - cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)


# No version of the programs in the file, and its index in front, so that it plays before it is whole.
_CONTAINER = {"fflags": "+bitexact", "movflags": "+faststart"}


def _stream(container: Any, source: Clip, size: tuple[int, int]) -> Any:
    # One thread, so that equal clips give equal bytes everywhere; a key frame a second, for replays.
    rate = source.average_rate.limit_denominator(1001)
    options = {"crf": "12", "preset": "medium", "g": str(max(1, round(rate))), "x264-params": "threads=1"}
    stream = add_h264(container, rate, options)
    stream.width, stream.height = size
    stream.codec_context.time_base = Fraction(1, CLOCK)
    stream.codec_context.max_b_frames = 0  # their times would be written late, which some players show
    return stream


def _stacked(pictures: Sequence[Picture], rows: int, damaged: int | None) -> Picture:
    """Stack three pictures, their upper and lower edges repeated up to where the others' begin."""
    shown = [damage(picture) if place == damaged else picture for place, picture in enumerate(pictures)]
    return np.concatenate([np.pad(one, ((TOP, rows - TOP - len(one)), (0, 0), (0, 0)), "edge") for one in shown])


def _frame(picture: Picture, time: Fraction) -> av.VideoFrame:
    frame = delivery_frame(picture)
    frame.pts, frame.time_base = round(time * CLOCK), Fraction(1, CLOCK)
    return frame


def _pictures(clip: Clip, size: tuple[int, int]) -> Generator[Picture, None, None]:
    transform = color_transform(clip.color)
    with clip.frames() as reader:
        for frame in reader:
            yield source_view(frame, *size, clip.orientation, transform)
        if reader.damaged:
            raise VeraError(f"{clip.path}: is damaged at {float(reader.damaged[0]):.3f} s")


def _seconds(clip: Clip) -> list[Fraction]:
    return [(pts - clip.pts[0]) * clip.time_base for pts in clip.pts]


def _shape(clip: Clip) -> str:
    width, height = clip.display_size
    return f"{clip.frame_count} frames of {width}x{height} at {float(clip.average_rate):g} a second"
