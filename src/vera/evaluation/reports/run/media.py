"""A case's clips as one small video, in which nothing can drift, and a still of it, within a budget of bytes."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from vera.errors import VeraError
from vera.evaluation.reports.run.strips import Box, Picture, choose_box, open_case, read_views, sheet, strip_places
from vera.video.delivery import add_h264, delivery_frame

MOST = 2 << 20  # bytes of media of a case
TOTAL = 48 << 20  # of all cases together: a page of 64 MiB, which browsers open in seconds
STILL = 0.3  # of a case's budget
SMALLER = 0.7  # tiles, until they fit


@dataclass(frozen=True)
class CaseMedia:
    """An H.264 video of all strips, its still as JPEG, and where each strip of three tiles begins, in pixels.

    `missing` says of the methods that have no picture why, `notes` what else is to be known.
    """

    video: bytes
    still: bytes
    rate: Fraction
    frames: int
    still_frame: int
    size: tuple[int, int]
    tile: tuple[int, int]
    places: tuple[tuple[int, int], ...]
    missing: Mapping[str, str]
    notes: tuple[str, ...]
    masked: bool


def budget_of(cases: int) -> int:
    """Return how many bytes of media each of so many cases may have in the page."""
    return min(MOST, TOTAL // max(1, cases))


def make_media(
    source: Path, results: Mapping[str, Path], preserved: Path | None, methods: tuple[str, ...], budget: int
) -> CaseMedia:
    """Draw a case within `budget` bytes. VeraError where its source cannot be read."""
    scale = 1.0
    while True:
        clips = open_case(source, results, preserved, scale)
        box, at = choose_box(clips)
        video, still = _encode(clips, methods, box, at, budget)
        if len(video) + len(still) <= budget or min(clips.tile) <= 32:
            break
        scale *= SMALLER
    wide, high = clips.tile
    places = tuple((column * wide, row * 3 * high) for column, row in strip_places(len(methods)))
    size = (1 + max(x for x, _ in places) // wide) * wide, (1 + max(y for _, y in places) // (3 * high)) * 3 * high
    notes = [
        f"{name} has {clip.frame_count} frames, the source {clips.source.frame_count}"
        for name, clip in clips.results.items()
        if clip.frame_count != clips.source.frame_count
    ]
    return CaseMedia(
        video, still, _rate(clips.source.average_rate), clips.frames, at, size, clips.tile, places,
        clips.missing, tuple(notes), clips.preserved is not None,
    )  # fmt: skip


def _encode(clips: Any, methods: tuple[str, ...], box: Box, at: int, budget: int) -> tuple[bytes, bytes]:
    rate = _rate(clips.source.average_rate)
    bits = budget * (1 - STILL) * 8
    seconds = max(1.0, float(clips.frames / rate))
    # Constant quality below a ceiling: a buffer of a fifth of all bits, the rest as a rate. A key frame each half
    # second, so that a step to any frame is quick; one thread, so that equal clips give equal bytes everywhere.
    options = {
        "crf": "24",
        "preset": "veryfast",
        "maxrate": str(int(bits * 0.75 / seconds)),
        "bufsize": str(int(bits * 0.2)),
        "g": str(max(1, round(rate / 2))),
        "x264-params": "threads=1",
    }
    file, still = io.BytesIO(), b""
    with av.open(file, "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        stream = add_h264(container, rate, options)
        for index, views in enumerate(read_views(clips)):
            picture = sheet(views, clips, methods, box)
            if index == 0:
                stream.height, stream.width = picture.shape[:2]
            if index == at:
                still = _jpeg(picture, int(budget * STILL))
            frame = delivery_frame(picture)
            frame.pts, frame.time_base = index, 1 / rate
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    if not still:
        raise VeraError(f"{clips.source.path}: none of its frames can be read")
    return file.getvalue(), still


def _jpeg(picture: Picture, most: int) -> bytes:
    """The best of these qualities that fits; the last one if none does."""
    encoded = b""
    for quality in (88, 80, 70, 60, 45, 30):
        encoded = bytes(
            cv2.imencode(".jpg", np.ascontiguousarray(picture[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        )
        if len(encoded) <= most:
            break
    return encoded


def _rate(rate: Fraction) -> Fraction:
    """A rate that MP4 can hold, of a clip that states none or an odd one."""
    return rate.limit_denominator(1001) if 1 <= rate <= 240 else Fraction(25)
