"""Frames of a clip, as the decoder gives them and as the model sees them."""

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import numpy as np
from av.video.reformatter import Interpolation
from numpy.typing import NDArray

from vera.errors import VeraError
from vera.video.colour import matrix_of
from vera.video.info import open_video, video_stream

# Without the three flags swscale is off by about one code value on nearly every pixel.
ACCURATE = (
    Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP
)


class FrameReader:
    """Iterates over the frames of a clip in order of presentation, decoding on all cores; a context manager.

    Raises VeraError for what `probe` refuses and, at the end, if frames are missing because the file is damaged.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._container = open_video(self.path)
        try:
            self._stream = video_stream(self._container, self.path)
        except VeraError:
            self._container.close()
            raise
        self._stream.thread_type = "AUTO"

    def __enter__(self) -> "FrameReader":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._container.close()

    def __iter__(self) -> Iterator[av.VideoFrame]:
        packets = frames = 0
        try:
            for packet in self._container.demux(self._stream):
                packets += packet.size > 0 and not packet.is_discard
                for frame in packet.decode():
                    frames += 1
                    yield frame
        except av.FFmpegError as error:
            raise VeraError(f"{self.path}: damaged after frame {frames} ({error.strerror})") from None
        if frames < packets:
            raise VeraError(f"{self.path}: damaged: only {frames} of {packets} frames can be decoded")


def planes(frame: av.VideoFrame) -> tuple[NDArray[Any], ...]:
    """The planes of `frame` as writable views without line padding: no copy.

    `[h,w]`, or `[h,w,n]` where a plane interleaves n components (NV12's chroma, RGB24); uint8, or uint16 in native byte
    order above 8 bits.
    """
    components = frame.format.components
    dtype = np.dtype(np.uint16 if max(c.bits for c in components) > 8 else np.uint8)
    views = []
    for index, plane in enumerate(frame.planes):
        count = sum(component.plane == index for component in components)
        rows = np.frombuffer(memoryview(plane), dtype).reshape(plane.height, plane.line_size // dtype.itemsize)
        view = rows[:, : plane.width * count]
        views.append(view.reshape(plane.height, plane.width, count) if count > 1 else view)
    return tuple(views)


def model_view(frame: av.VideoFrame, width: int, height: int, rotation: int = 0) -> NDArray[np.uint8]:
    """`frame` as upright RGB `[height,width,3]` uint8, converted by its own matrix and range with accurate rounding.

    `rotation` is the clip's (degrees counter-clockwise); `width` and `height` are those of the upright picture.
    """
    turned = rotation % 180 != 0
    rgb = frame.reformat(
        width=height if turned else width,
        height=width if turned else height,
        format="rgb24",
        src_colorspace=matrix_of(frame.colorspace, frame.height),
        src_color_range=frame.color_range or 1,
        interpolation=ACCURATE,
    )
    picture = np.array(planes(rgb)[0])
    return np.ascontiguousarray(np.rot90(picture, rotation // 90))
