"""Anybody's clip brought to the source's size and length by one rule (`docs/evaluation.md`), or refused."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from vera.color.transform import color_transform
from vera.errors import VeraError
from vera.evaluation.cases.views import check_undamaged
from vera.video import UPRIGHT, Clip, LosslessWriter, open_clip
from vera.video.view import source_view
from vera.whole import whole_file

LATE = Fraction(1, 4)  # seconds: models that draw 1 + 4k frames leave out up to 3, which is less at 16 a second
STRETCH = 0.1  # of the aspect: 1280x720 drawn as 832x480 is 2.6 % off, a square of a wide picture 44 %


def fit_clip(path: Path, source: Clip, out: Path) -> Path:
    """Bring a finished clip to the size and length of `source`: `path` itself if it is a file of these, else `out`.

    `out`, a .mkv, is lossless RGB of 8 bits, as a BT.709 display shows the clip. VeraError for a clip that cannot be
    read, that has another framing or another length, or that is partly transparent.
    """
    clip = open_clip(path)
    _check_framing(clip, source)
    return fit_frames(clip, source, out)


def fit_frames(clip: Clip, source: Clip, out: Path) -> Path:
    """As `fit_clip`, of whatever framing: for a clip that is known to show the source's whole frame."""
    chosen = nearest_frames(clip, source)
    if chosen == list(range(clip.frame_count)) and _shows_plainly(clip, source.display_size):
        return clip.path
    with whole_file(out) as partial, LosslessWriter(partial, source.coded_rate) as writer:
        for picture in _pictures(clip, chosen, source.display_size):
            writer.write(picture)
    return out


def nearest_frames(clip: Clip, source: Clip) -> list[int]:
    """Which frame of `clip` stands for each frame of `source`.

    Clips of as many frames go one to one. Otherwise it is the frame whose time from the clip's beginning is nearest,
    the earlier of two; VeraError where that is more than `LATE` away, or the clip goes on for longer than that.
    """
    if clip.frame_count == source.frame_count:
        return list(range(clip.frame_count))
    times, wanted = _seconds(clip), _seconds(source)
    if times[-1] - wanted[-1] > LATE:
        raise _unlike(clip, source)
    chosen = [_nearest(times, time) for time in wanted]
    if any(abs(times[index] - time) > LATE for index, time in zip(chosen, wanted, strict=True)):
        raise _unlike(clip, source)
    return chosen


def _nearest(times: Sequence[Fraction], time: Fraction) -> int:
    place = bisect_left(times, time)
    around = range(max(place - 1, 0), min(place + 1, len(times)))
    return min(around, key=lambda index: abs(times[index] - time))


def _seconds(clip: Clip) -> list[Fraction]:
    return [(pts - clip.pts[0]) * clip.time_base for pts in clip.pts]


def _unlike(clip: Clip, source: Clip) -> VeraError:
    return VeraError(
        f"{clip.path}: {_length(clip)} cannot stand for {_length(source)}: a frame of the source has none within "
        f"{float(LATE):g} s, or there is more of it"
    )


def _length(clip: Clip) -> str:
    return f"{clip.frame_count} frames of {float(_seconds(clip)[-1]):.2f} s"


def _check_framing(clip: Clip, source: Clip) -> None:
    own, other = _aspect(clip), _aspect(source)
    if abs(own / other - 1) > STRETCH:
        raise VeraError(
            f"{clip.path}: is {float(own):.3f} times as wide as high, the source {float(other):.3f}: another framing"
        )


def _aspect(clip: Clip) -> Fraction:
    width, height = clip.display_size
    return clip.display_aspect * width / height


def _shows_plainly(clip: Clip, size: tuple[int, int]) -> bool:
    """Whether the stored pictures are what is to be measured, in a file as other programs take one."""
    upright = clip.orientation == UPRIGHT and (clip.width, clip.height) == size
    return upright and clip.path.is_file() and not _has_alpha(clip) and color_transform(clip.color) is None


def _pictures(clip: Clip, chosen: Sequence[int], size: tuple[int, int]) -> Iterator[NDArray[np.uint8]]:
    """The chosen frames, which rise, at `size`: averaged over areas where they shrink, else bicubic."""
    times = Counter(chosen)
    transform, checked = color_transform(clip.color), _has_alpha(clip)
    with clip.frames() as reader:
        for number, frame in enumerate(reader):
            if checked:
                _check_opaque(frame, clip.path)
            if times[number]:
                view = source_view(frame, *clip.display_size, clip.orientation, transform)
                shrinks = size[0] <= view.shape[1] and size[1] <= view.shape[0]
                picture = cv2.resize(view, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
                for _ in range(times[number]):
                    yield np.asarray(picture, np.uint8)
        check_undamaged(clip, reader.damaged)


def _has_alpha(clip: Clip) -> bool:
    return any(component.is_alpha for component in av.VideoFormat(clip.pix_fmt).components)


def _check_opaque(frame: av.VideoFrame, path: Path) -> None:
    if frame.to_ndarray(format="rgba")[..., 3].min() < 255:
        raise VeraError(f"{path}: is partly transparent; a result is a finished picture: lay it over the source first")
