"""A clip out of frames, with the source's timestamps, tags and sound."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import av

from vera.errors import VeraError
from vera.video.info import MediaInfo


@dataclass(frozen=True)
class Codec:
    """An encoder with its options and the containers that take it; `lossless` if decoding gives back every sample."""

    encoder: str
    options: dict[str, str]
    suffixes: tuple[str, ...]
    lossless: bool = False
    tag: str | None = None


MP4 = (".mp4", ".mov", ".mkv")
CODECS = {
    "ffv1": Codec("ffv1", {"level": "3", "slices": "4", "slicecrc": "1"}, (".mkv", ".avi"), lossless=True),
    "h264-lossless": Codec("libx264", {"qp": "0", "preset": "veryfast"}, MP4, lossless=True),
    "h265-lossless": Codec(
        "libx265", {"x265-params": "lossless=1:log-level=error", "preset": "fast"}, MP4, lossless=True, tag="hvc1"
    ),
    "h264": Codec("libx264", {"crf": "16", "preset": "medium"}, MP4),
    "h265": Codec("libx265", {"x265-params": "log-level=error", "crf": "18", "preset": "medium"}, MP4, tag="hvc1"),
    "prores": Codec("prores_ks", {"profile": "hq", "vendor": "apl0"}, (".mov", ".mkv")),
}


def default_codec(path: str | Path) -> str:
    """The lossless codec for a file name: `ffv1` for .mkv and .avi, `h264-lossless` for .mp4 and .mov.

    Raises VeraError for a suffix that no codec here goes into.
    """
    suffix = Path(path).suffix.lower()
    for name in ("ffv1", "h264-lossless"):
        if suffix in CODECS[name].suffixes:
            return name
    raise VeraError(f"{path}: write to .mkv, .mov, .mp4 or .avi, not to {suffix or 'a name without suffix'}")


def check_output(path: str | Path, source: str | Path, codec: str) -> None:
    """Raise VeraError unless `path` can be written with `codec` and is not the source itself."""
    path, source = Path(path), Path(source)
    if codec not in CODECS:
        raise VeraError(f"unknown codec {codec!r}; there are {', '.join(CODECS)}")
    if path.suffix.lower() not in CODECS[codec].suffixes:
        raise VeraError(
            f"{path}: {codec} goes into {', '.join(CODECS[codec].suffixes)}, not {path.suffix or 'no suffix'}"
        )
    if not path.parent.is_dir():
        raise VeraError(f"{path}: the folder {path.parent} does not exist; create it first")
    if path.is_dir():
        raise VeraError(f"{path}: is a folder; give the name of a file in it")
    if path.exists() and source.exists() and path.samefile(source):
        raise VeraError(f"{path}: is the source itself, which is never overwritten; choose another name")
    try:
        partial_path(path).touch()
        partial_path(path).unlink()
    except OSError as error:
        raise VeraError(f"{path}: cannot be written ({error.strerror})") from None


def partial_path(path: Path) -> Path:
    """Where a file grows until it is whole: beside `path`, so that the last rename is atomic."""
    return path.with_name(f".{path.stem}.partial{path.suffix}")


class FrameWriter:
    """Writes frames as a clip like the source; a context manager that leaves a whole file or none.

    The pixel format, times, aspect, rotation, timecode and colour tags are those of `info`. The audio packets of
    `audio_from` are copied as they are. The file has a temporary name until it is whole.
    Raises VeraError where the output cannot be written or the codec cannot hold the pixel format.
    """

    def __init__(
        self, path: str | Path, info: MediaInfo, codec: str | None = None, audio_from: str | Path | None = None
    ) -> None:
        self.path = Path(path)
        self.info = info
        name = codec or default_codec(self.path)
        check_output(self.path, info.path, name)
        self._codec = CODECS[name]
        formats = [f.name for f in av.Codec(self._codec.encoder, "w").video_formats or []]
        if info.pix_fmt not in formats:
            raise VeraError(f"{self.path}: {name} cannot hold {info.pix_fmt}; use --codec ffv1 and a name in .mkv")
        ends = (*info.pts[1:], info.end)
        self._durations = {start: end - start for start, end in zip(info.pts, ends, strict=True)}
        self._partial = partial_path(self.path)
        self._container = av.open(str(self._partial), "w")
        self._audio: _AudioCopy | None = None
        try:
            self._stream = self._add_video()
            if audio_from is not None:
                self._audio = _AudioCopy(Path(audio_from), self._container)
            self._container.start_encoding()
        except (av.FFmpegError, OSError, ValueError) as error:
            self._discard()
            reason = getattr(error, "strerror", None) or error
            raise VeraError(
                f"{self.path}: {name} cannot be written at {info.width}x{info.height} {info.pix_fmt} with this sound "
                f"in {self.path.suffix} ({reason}); try --codec ffv1 and a name in .mkv"
            ) from None

    def __enter__(self) -> "FrameWriter":
        return self

    def write(self, frame: av.VideoFrame) -> None:
        """Encode `frame`; its `pts` is in `info.time_base`."""
        tags = self.info.color
        frame.time_base = self.info.time_base
        frame.pict_type = 0  # else the source's choice of I, P and B would be forced on the encoder
        frame.color_range, frame.colorspace = tags.range, tags.space
        frame.color_trc, frame.color_primaries = tags.trc, tags.primaries
        self._mux(frame)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._discard()
            return
        try:
            self._mux(None)
            self._guard(self._finish)
            self._partial.replace(self.path)
        except BaseException:
            self._discard()
            raise

    def _add_video(self) -> "av.VideoStream":
        info = self.info
        stream = self._container.add_stream(self._codec.encoder, rate=info.average_rate, options=self._codec.options)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = info.width, info.height, info.pix_fmt
        stream.time_base = stream.codec_context.time_base = info.time_base
        stream.codec_context.sample_aspect_ratio = info.sample_aspect
        tags = info.color
        context = stream.codec_context
        context.color_range, context.colorspace = tags.range, tags.space
        context.color_trc, context.color_primaries = tags.trc, tags.primaries
        if self._codec.tag and self.path.suffix.lower() != ".mkv":
            context.codec_tag = self._codec.tag
        if info.rotation:
            stream.set_display_rotation(info.rotation)
        if info.timecode:
            stream.metadata["timecode"] = info.timecode
        return stream

    def _mux(self, frame: av.VideoFrame | None) -> None:
        def encode() -> None:
            for packet in self._stream.encode(frame):
                if packet.pts is not None and packet.pts in self._durations:
                    packet.duration = self._durations[packet.pts]
                if self._audio is not None and packet.dts is not None:
                    self._audio.copy_until(float(packet.dts * packet.time_base))
                self._container.mux(packet)

        self._guard(encode)

    def _finish(self) -> None:
        if self._audio is not None:
            self._audio.copy_until(float("inf"))
            self._audio.close()
        self._container.close()

    def _guard(self, work: Callable[[], None]) -> None:
        try:
            work()
        except (av.FFmpegError, OSError) as error:
            raise VeraError(f"{self.path}: cannot be written ({error.strerror or error})") from None

    def _discard(self) -> None:
        if self._audio is not None:
            self._audio.close()
        # The disk may be full: what could not be flushed is thrown away next.
        with contextlib.suppress(av.FFmpegError, OSError):
            self._container.close()
        self._partial.unlink(missing_ok=True)


class _AudioCopy:
    """Passes the audio packets of a file to an output, in step with the video."""

    def __init__(self, path: Path, output: "av.container.OutputContainer") -> None:
        self._output = output
        self._input = av.open(str(path), "r")
        streams = self._input.streams.audio
        self._targets = {s.index: output.add_stream_from_template(s) for s in streams}
        self._packets = self._input.demux(streams) if streams else iter(())
        self._next = self._read()

    def copy_until(self, seconds: float) -> None:
        while self._next is not None:
            packet = self._next
            assert packet.dts is not None  # see `_read`
            if packet.dts * packet.time_base > seconds:
                return
            packet.stream = self._targets[packet.stream.index]
            self._output.mux(packet)
            self._next = self._read()

    def close(self) -> None:
        self._input.close()

    def _read(self) -> Any:
        return next((packet for packet in self._packets if packet.dts is not None), None)
