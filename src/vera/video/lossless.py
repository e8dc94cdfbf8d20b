"""Arrays as lossless files and back, exactly: layers and data samples, whose times are kept elsewhere."""

import threading
import weakref
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
import numpy as np
from numpy.typing import NDArray

from vera.color.tags import FULL
from vera.errors import VeraError
from vera.video.arrays import planes
from vera.video.decoding.damage import PacketCount, check_whole
from vera.video.decoding.ffv1 import slices_whole
from vera.video.open import open_input, open_output

MOST_PIXELS = 2**27  # 16K, 15360x8640, just fits: a header alone may claim thousands of times the memory
_GREY, _RGB = {np.uint8: "gray", np.uint16: "gray16le"}, {np.uint8: "bgr0", np.uint16: "gbrp16le"}


def write_lossless(path: Path, clip: NDArray[Any], rate: Fraction = Fraction(25)) -> None:
    """Write `clip`, grey `[T,H,W]` or RGB `[T,H,W,3]`, uint8 or uint16, as FFV1 in Matroska at `rate` frames a second.

    To an .mp4, uint8 only, it is H.264 with qp 0, RGB or full-range grey, which more programs read. Equal clips give
    equal bytes. Raises what PyAV and the system raise.
    """
    if path.suffix.lower() == ".mp4":
        _write_h264(path, clip, rate)
        return
    with LosslessWriter(path, rate) as writer:
        for picture in clip:
            writer.write(picture)


class LosslessWriter:
    """Writes pictures one by one as `write_lossless` writes a clip of them; use as a context manager.

    Size and format are those of the first picture, grey `[H,W]` or RGB `[H,W,3]`, uint8 or uint16.
    """

    def __init__(self, path: Path, rate: Fraction = Fraction(25)) -> None:
        self._container = open_output(path, container_options={"fflags": "+bitexact"})
        self._rate = rate
        self._stream: Any = None
        self._count = 0

    def write(self, picture: NDArray[Any]) -> None:
        """Write the next picture; all have the shape and dtype of the first."""
        if self._stream is None:
            slices = "4" if min(picture.shape[:2]) > 1 else "1"  # two by two, which a row or column of pixels is not
            options = {"level": "3", "slices": slices, "slicecrc": "1", "g": "1"}  # g: every frame stands alone
            self._stream = self._container.add_stream("ffv1", rate=self._rate, options=options)
            self._stream.height, self._stream.width = picture.shape[:2]
            self._stream.pix_fmt = (_GREY if picture.ndim == 2 else _RGB)[picture.dtype.type]
        frame = _to_frame(picture, self._stream.pix_fmt)
        frame.pts, frame.time_base = self._count, 1 / self._rate
        self._container.mux(self._stream.encode(frame))
        self._count += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._container:
            if kind is None and self._stream is not None:
                self._container.mux(self._stream.encode(None))


class LosslessClip:
    """What `write_lossless` wrote as .mkv, read frame by frame as it is asked for: `shape` and `dtype` as the array's.

    `clip[index]` is one picture, of any index; cheapest one after the other; safe from several threads. Holds one
    picture in memory; `np.asarray(clip)` holds them all. VeraError if the file is missing, cut short or damaged: from
    the constructor where the file's header tells it, else from the frame that cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        try:
            if not path.is_file():  # a pipe would wait for its other end
                raise self._damaged()
            self._container = open_input(path)
            weakref.finalize(self, self._container.close)  # PyAV leaks what is not closed
            self._stream = self._container.streams.video[0]
            check_whole(path, self._container, self._stream, PacketCount())
            context: Any = self._stream.codec_context  # None for a codec that nobody knows
            known = (
                context is not None
                and context.name == "ffv1"
                and str(context.pix_fmt) in (*_GREY.values(), *_RGB.values())
            )
            if not known or context.width * context.height > MOST_PIXELS:
                raise VeraError(f"{path}: is not of the kind that Vera writes; give the folder that it wrote")
            self._rate: Any = self._stream.average_rate or 0
            self._stream.thread_type = "SLICE"  # no delay between a packet and its picture
            grey, deep = str(context.pix_fmt).startswith("gray"), "16" in str(context.pix_fmt)
            count = round(Fraction(self._container.duration or 0, av.time_base) * self._rate)
        except (av.FFmpegError, OSError, IndexError):
            raise self._damaged() from None
        self.shape = (count, context.height, context.width) + (() if grey else (3,))
        self.dtype: np.dtype[Any] = np.dtype(np.uint16 if deep else np.uint8)
        self._next = 0  # the frame that the container would give
        self._last: tuple[int, NDArray[Any]] = (-1, np.empty(0))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: int) -> NDArray[Any]:
        if not 0 <= index < len(self):
            raise IndexError(f"{self.path}: has {len(self)} frames, no frame {index}")
        with self._lock:
            if self._last[0] != index:
                self._last = (index, self._read(index))
            return self._last[1].copy()

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return (self[index] for index in range(len(self)))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.stack(list(self)).astype(dtype or self.dtype, copy=False)

    def _read(self, index: int) -> NDArray[Any]:
        # Matroska rounds times to milliseconds, one way or the other.
        ticks = round(index / (self._rate * self._stream.time_base)) - 1
        start, self._next = self._next, -1  # wherever it stops on an error, it seeks before it reads on
        try:
            if index != start:
                self._container.seek(ticks + 2, stream=self._stream)
            for packet in self._container.demux(self._stream):
                if packet.pts is None or packet.pts > ticks + 2 or not slices_whole(bytes(packet)):
                    break
                frames = packet.decode()  # on the way too: older files have frames that build on those before
                if packet.pts >= ticks:
                    self._next = index + 1
                    picture = _to_array(frames[0])
                    if picture.shape == self.shape[1:] and picture.dtype == self.dtype:
                        return picture
                    break
        except (av.FFmpegError, OSError, ValueError, IndexError, OverflowError):
            pass
        raise self._damaged()

    def _damaged(self) -> VeraError:
        return VeraError(f"{self.path}: is missing or damaged")


def _write_h264(path: Path, clip: NDArray[Any], rate: Fraction) -> None:
    codec, pix_fmt = ("libx264", "gray") if clip.ndim == 3 else ("libx264rgb", "rgb24")
    # The fastest preset: the others save a quarter of the bytes in twice the time. One thread: equal bytes everywhere.
    options = {"qp": "0", "preset": "ultrafast", "x264-params": "threads=1"}
    with open_output(path, container_options={"fflags": "+bitexact"}) as container:
        stream: Any = container.add_stream(codec, rate=rate, options=options)
        stream.width, stream.height, stream.pix_fmt = clip.shape[2], clip.shape[1], pix_fmt
        stream.color_range = FULL
        for index, picture in enumerate(clip):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), pix_fmt)
            frame.pts, frame.time_base, frame.color_range = index, 1 / rate, FULL
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def read_lossless(path: Path) -> NDArray[Any]:
    """The clip that `write_lossless` wrote; VeraError if the file is missing or damaged."""
    try:
        with open_input(path) as container:
            return np.stack([_to_array(frame) for frame in container.decode(video=0)])
    except (av.FFmpegError, OSError, ValueError, IndexError):
        raise VeraError(f"{path}: is missing or damaged") from None


def _to_frame(picture: NDArray[Any], pix_fmt: str) -> av.VideoFrame:
    if pix_fmt == "bgr0":  # FFV1's only 8-bit RGB; swscale just moves the bytes
        return av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24").reformat(format=pix_fmt)
    frame = av.VideoFrame(picture.shape[1], picture.shape[0], pix_fmt)
    channels = [picture] if picture.ndim == 2 else [picture[..., i] for i in (1, 2, 0)]  # planes are G, B, R
    for plane, channel in zip(planes(frame), channels, strict=True):
        np.copyto(plane, channel)
    return frame


def _to_array(frame: av.VideoFrame) -> NDArray[Any]:
    if frame.format.name == "bgr0":
        return np.array(planes(frame.reformat(format="rgb24"))[0])
    if frame.format.name == "gbrp":  # 8 bits: H.264
        return np.array(planes(frame.reformat(format="rgb24"))[0])
    channels = planes(frame)
    if frame.format.name == "yuvj420p":  # H.264 has no grey to these decoders: it comes with empty colour
        channels = channels[:1]
    return channels[0].copy() if len(channels) == 1 else np.stack([channels[i] for i in (2, 0, 1)], axis=-1)
