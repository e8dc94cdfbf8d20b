"""Writing: frames back to a file with the source's times, tags and sound, whole or not at all."""

import errno
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from fractions import Fraction
from math import lcm
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.frame import PictureType
from av.video.stream import VideoStream

from vera.errors import VeraError
from vera.video.codecs import Codec, default_codec, encoder_pix_fmt, find_codec
from vera.video.colour import FULL, apply_tags
from vera.video.info import MediaInfo
from vera.video.read import planes

_ISO_SUFFIXES = (".mp4", ".mov", ".m4v")


class FrameWriter:
    """Writes frames as `info` describes them: pixel format, size, time base, colour tags, rotation, pixel aspect.

    Use as a context manager. Everything goes to `.NAME.partial.SUFFIX` in the same folder, which takes the name `path`
    when the block ends well and is removed when it ends in an exception: under `path` there is never half a file.

    `codec` is a name in `CODECS` or a codec of one's own, by default the lossless one for the suffix. `audio_from`: a
    file (as a rule the source) whose sound packets are copied as they are. .mp4, .mov and .m4v keep every time exactly;
    .mkv rounds them to milliseconds. VeraError, from the constructor where it can be known there: unknown codec, one
    that can't hold such frames, a folder that is missing or can't be written, a path that is the source itself, a full
    disk.
    """

    def __init__(
        self, path: Path | str, info: MediaInfo, codec: str | Codec | None = None, audio_from: Path | str | None = None
    ) -> None:
        self.path = Path(path)
        self.info = info
        sound_path = None if audio_from is None else Path(audio_from)
        self._codec = check_output(self.path, info, codec, sound_path)
        self.partial = partial_path(self.path)
        self._durations = info.frame_durations()
        self._resources = ExitStack()
        try:
            with user_errors(self.path):
                self._open(sound_path)
        except BaseException:
            self.discard()
            raise

    def _open(self, sound_path: Path | None) -> None:
        self._container = av.open(str(self.partial), "w", container_options=muxer_options(self.path, self.info))
        self._resources.enter_context(self._container)
        self._stream = _video_stream(self._container, self.info, self._codec, self.path.suffix.lower())
        self._sound = self._sound_packets(sound_path) if sound_path else iter(())
        try:
            self._container.start_encoding()
        except av.ArgumentError as error:
            sound = " or ".join(sorted({track.codec for track in self.info.audio})) or "such"
            raise VeraError(f"{self.path}: such a file can't hold {sound} sound; write .mkv instead") from error
        self._next_sound = next(self._sound, None)

    def write(self, frame: av.VideoFrame) -> None:
        """Encode the next frame. It must have the size and format of `info` and a `pts`, and come in order of time.

        Its picture type and colour tags are set to what the encoder needs; its samples are not touched.
        """
        info = self.info
        if (frame.width, frame.height, frame.format.name) != (info.width, info.height, info.pix_fmt):
            raise VeraError(
                f"{info.path}: a frame is {frame.width}x{frame.height} {frame.format.name} where the first is "
                f"{info.width}x{info.height} {info.pix_fmt}; cut the clip where its format changes"
            )
        if frame.pts is None:
            raise ValueError("a frame without pts has no place in time")
        frame = _renamed(frame, encoder_pix_fmt(self._codec, info.pix_fmt))
        # A decoded frame carries the source's choice of I, P or B, which the encoder would be made to repeat.
        frame.pict_type = PictureType.NONE
        apply_tags(info.color, frame)
        with user_errors(self.path):
            self._mux(self._stream.encode(frame))

    def finish(self) -> None:
        """Write what is left and give the file its name."""
        try:
            with user_errors(self.path):
                self._mux(self._stream.encode(None))
                self._mux_sound(until=None)
                self._resources.close()
                self.partial.replace(self.path)
        except BaseException:
            self.discard()
            raise

    def discard(self) -> None:
        """Give up: close and remove the partial file."""
        # Closing writes the trailer, which fails again where writing failed before.
        with suppress(av.FFmpegError, OSError):
            self._resources.close()
        self.partial.unlink(missing_ok=True)

    def _mux(self, packets: list["av.Packet[VideoStream]"]) -> None:
        for packet in packets:
            # Muxers take a frame's length from the next one's time; only this tells them how long the last one lasts.
            if packet.pts is not None:
                packet.duration = self._durations.get(packet.pts, 0)
            if packet.dts is not None:
                self._mux_sound(until=packet.dts * packet.time_base)
            self._container.mux(packet)

    def _mux_sound(self, until: Fraction | None) -> None:
        """Copy sound packets up to `until` seconds: in turn with the pictures, so that the muxer holds few back."""
        while (packet := self._next_sound) is not None:
            if until is not None and packet.dts is not None and packet.dts * packet.time_base > until:
                return
            self._container.mux(packet)
            self._next_sound = next(self._sound, None)

    def _sound_packets(self, path: Path) -> Iterator["av.Packet[AudioStream]"]:
        """Add a track for each one in `path`; returns their packets, to be muxed in file order."""
        source = self._resources.enter_context(av.open(str(path)))
        known = self._container.supported_codecs
        tracks: dict[int, AudioStream] = {}
        for sound in source.streams.audio:
            name = sound.codec_context.name if sound.codec_context else "unknown"
            if name not in known:
                raise VeraError(f"{self.path}: such a file can't hold the source's {name} sound; write .mkv instead")
            tracks[sound.index] = self._container.add_stream_from_template(sound)
            tracks[sound.index].metadata.update(
                {name: value for name, value in sound.metadata.items() if name in ("language", "title")}
            )
        return _packets(source, tracks)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.finish()
        else:
            self.discard()


def check_output(
    path: Path | str, info: MediaInfo, codec: str | Codec | None = None, audio_from: Path | None = None
) -> Codec:
    """What `FrameWriter` refuses before it writes, to ask before long work; returns the codec it would use."""
    path = Path(path)
    preset = find_codec(codec or default_codec(path, info.pix_fmt), path, info.pix_fmt, info.width, info.height)
    if path.suffix.lower() in _ISO_SUFFIXES and info.pts[0] < 0:
        raise VeraError(f"{path}: such a file would cut off the frames before time 0; write .mkv, or remux the source")
    if path.suffix.lower() == ".mkv":
        _check_matroska(path, info, preset)
    if not path.parent.is_dir():
        raise VeraError(f"{path.parent}: no such folder; create it or choose another")
    if path.is_dir():
        raise VeraError(f"{path}: is a folder; name a file in it")
    for source in (info.path, audio_from or info.path):
        if path.resolve() == source.resolve() or (path.exists() and source.exists() and path.samefile(source)):
            raise VeraError(f"{path}: is the source itself; choose another name for the output")
    with user_errors(path):
        partial_path(path).touch()
        partial_path(path).unlink()
    return preset


def _check_matroska(path: Path, info: MediaInfo, codec: Codec) -> None:
    milliseconds = {round(pts * info.time_base * 1000) for pts in info.pts}
    if len(milliseconds) < len(info.pts):
        raise VeraError(f"{path}: such a file can't tell frames less than 1 ms apart; write .mp4 or .mov instead")
    # PyAV can't set Matroska's own field for it; H.264 and H.265 carry it in the pictures.
    if info.sample_aspect != 1 and codec.encoder not in ("libx264", "libx265"):
        raise VeraError(
            f"{path}: {codec.encoder} in such a file would lose the pixel aspect {info.sample_aspect}; "
            "use h264-lossless or h265-lossless"
        )


def partial_path(path: Path) -> Path:
    """Where a file grows until it is whole: in the same folder, so that one atomic rename gives it its name."""
    return path.with_name(f".{path.stem}.partial{path.suffix}")


@contextmanager
def user_errors(path: Path) -> Iterator[None]:
    """Turn what the system or FFmpeg says on writing `path` into a VeraError."""
    try:
        yield
    except (av.FFmpegError, OSError) as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise VeraError(f"{path}: the disk is full; free some space or write elsewhere") from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise VeraError(f"{path.parent}: can't be written; choose another folder for the output") from error
        raise VeraError(f"{path}: writing failed ({error.strerror}); try another codec or folder") from error


def muxer_options(path: Path, info: MediaInfo) -> dict[str, str]:
    # No random ids and no date in the file, so that the same frames give the same bytes.
    options = {"fflags": "+bitexact"}
    if path.suffix.lower() not in _ISO_SUFFIXES:
        # Sound may start a little before 0 (AAC's priming); by default all tracks are moved until nothing does.
        return options | {"avoid_negative_ts": "disabled"}
    ticks = info.time_base.denominator
    # A first time other than 0 is kept in ticks of the movie, a millisecond by default: tick as the tracks do.
    shared = lcm(ticks, *(track.sample_rate for track in info.audio))
    return options | {
        "video_track_timescale": str(ticks),
        "movie_timescale": str(shared if shared < 2**31 else ticks),
    }


def _video_stream(container: OutputContainer, info: MediaInfo, codec: Codec, suffix: str) -> VideoStream:
    rate = info.average_rate.limit_denominator(60000)
    stream: Any = container.add_stream(codec.encoder, rate=rate, options=dict(codec.options))
    assert isinstance(stream, VideoStream)
    context = stream.codec_context
    context.width, context.height = info.width, info.height
    context.pix_fmt = encoder_pix_fmt(codec, info.pix_fmt)
    apply_tags(info.color, context)
    if info.pix_fmt.startswith("yuvj"):
        context.color_range = FULL
    context.time_base = stream.time_base = info.time_base
    if info.sample_aspect != 1:
        context.sample_aspect_ratio = info.sample_aspect
    if info.is_vfr or info.frame_count < 4:
        # With B-frames a packet's length on file is the distance of decoding times, so the last frame's would be wrong;
        # and x265 gives clips shorter than its reordering no valid decoding times.
        context.max_b_frames = 0
    if codec.encoder == "libx265" and suffix in _ISO_SUFFIXES:
        context.codec_tag = "hvc1"  # the default, hev1, does not open in Apple's players
    if info.rotation:
        stream.set_display_rotation(info.rotation)
    if info.timecode:
        stream.metadata["timecode"] = info.timecode
    return stream


def _packets(source: Any, tracks: dict[int, AudioStream]) -> Iterator["av.Packet[AudioStream]"]:
    if tracks:
        for packet in source.demux([source.streams[index] for index in tracks]):
            if packet.size:
                packet.stream = tracks[packet.stream_index]
                yield packet


def _renamed(frame: av.VideoFrame, pix_fmt: str) -> av.VideoFrame:
    """The same samples under another name of their format."""
    if frame.format.name == pix_fmt:
        return frame
    twin = av.VideoFrame(frame.width, frame.height, pix_fmt)
    for target, source in zip(planes(twin), planes(frame), strict=True):
        np.copyto(target, source)
    twin.pts, twin.time_base = frame.pts, frame.time_base
    return twin
