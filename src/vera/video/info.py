"""What a piece of footage is: everything that must come out as it went in, read without decoding the clip."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.stream import Disposition
from av.video.stream import VideoStream

from vera.errors import VeraError


@dataclass(frozen=True)
class ColorTags:
    """FFmpeg's numbers for colour range (1 limited, 2 full), matrix, transfer and primaries (2 = unspecified)."""

    range: int
    space: int
    trc: int
    primaries: int


@dataclass(frozen=True)
class AudioInfo:
    """One audio track."""

    codec: str
    sample_rate: int
    channels: int


@dataclass(frozen=True)
class MediaInfo:
    """An immutable description of a clip.

    `width` and `height` are those of the coded picture; `rotation` (0, 90, 180, 270 degrees counter-clockwise, as PyAV
    gives it) turns that into what is shown. `pts` are the exact presentation times of all frames in units of
    `time_base`, in order; `end` is when the last frame ends, in the same units.
    """

    path: Path
    container: str
    codec: str
    width: int
    height: int
    pix_fmt: str
    bit_depth: int
    time_base: Fraction
    pts: tuple[int, ...]
    end: int
    average_rate: Fraction
    rotation: int
    sample_aspect: Fraction
    color: ColorTags
    audio: tuple[AudioInfo, ...]
    timecode: str | None

    @property
    def frame_count(self) -> int:
        return len(self.pts)

    @property
    def display_size(self) -> tuple[int, int]:
        """Width and height after rotation."""
        return (self.height, self.width) if self.rotation % 180 else (self.width, self.height)

    @property
    def duration(self) -> Fraction:
        """Seconds from the start of the first frame to the end of the last."""
        return (self.end - self.pts[0]) * self.time_base

    @property
    def is_vfr(self) -> bool:
        """Whether frame times differ by more than the one tick that rounding explains."""
        steps = {after - before for before, after in zip(self.pts, self.pts[1:], strict=False)}
        return len(steps) > 1 and max(steps) - min(steps) > 1


def probe(path: str | Path) -> MediaInfo:
    """Describe the first video track of `path`.

    Raises VeraError if there is no such file or it is not a video that can be used: empty, damaged or cut off, a still
    image, without video, without frames.
    """
    path = Path(path)
    container = open_video(path)
    with container:
        stream = video_stream(container, path)
        times: list[int] = []
        latest, last_duration = -(2**63), 0
        first_frame = None
        try:
            for packet in container.demux(stream):
                if first_frame is None:
                    first_frame = next(iter(packet.decode()), None)
                time = packet.pts if packet.pts is not None else packet.dts
                if packet.size == 0 or time is None or packet.is_discard:
                    continue
                if time >= latest:
                    latest, last_duration = time, packet.duration or 0
                times.append(time)
        except av.FFmpegError as error:
            raise VeraError(f"{path}: the video is damaged ({error.strerror}); re-export or repair it") from None
        if not times or first_frame is None:
            raise VeraError(f"{path}: holds a video track without a frame that can be decoded")
        if stream.frames > len(times):
            raise VeraError(f"{path}: is cut off: {len(times)} of its {stream.frames} frames are there; copy it again")
        times.sort()
        return _describe(path, container, stream, first_frame, times, last_duration)


def open_video(path: Path) -> "av.container.InputContainer":
    """Open a file for reading; VeraError says why it is none that holds video."""
    if not path.exists():
        raise VeraError(f"{path}: no such file")
    if path.is_dir():
        raise VeraError(f"{path}: is a folder; a video file is expected")
    if path.stat().st_size == 0:
        raise VeraError(f"{path}: is empty")
    try:
        return av.open(str(path), mode="r")
    except (av.FFmpegError, OSError, ValueError):
        raise VeraError(f"{path}: is not a video that can be read, or is cut off; check that it plays") from None


def video_stream(container: "av.container.InputContainer", path: Path) -> VideoStream:
    """The first video track that is not cover art; VeraError for still images and files without one."""
    if container.format.name == "image2" or container.format.name.endswith("_pipe"):
        raise VeraError(f"{path}: is a still image; a video is expected")
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            return stream
    kind = "has sound but no video" if container.streams.audio else "has no video track"
    raise VeraError(f"{path}: {kind}")


def _describe(
    path: Path,
    container: "av.container.InputContainer",
    stream: VideoStream,
    frame: av.VideoFrame,
    times: list[int],
    last_duration: int,
) -> MediaInfo:
    time_base = stream.time_base
    assert time_base is not None  # every demuxer sets it
    rate = stream.average_rate or stream.guessed_rate or Fraction(25)
    if not last_duration:
        last_duration = times[-1] - times[-2] if len(times) > 1 else round(1 / (rate * time_base))
    timecodes = [stream.metadata.get("timecode"), *(s.metadata.get("timecode") for s in container.streams)]
    return MediaInfo(
        path=path,
        container=container.format.name,
        codec=stream.codec_context.name,
        width=frame.width,
        height=frame.height,
        pix_fmt=frame.format.name,
        bit_depth=frame.format.components[0].bits,
        time_base=time_base,
        pts=tuple(times),
        end=times[-1] + last_duration,
        average_rate=Fraction(rate),
        rotation=frame.rotation % 360,
        sample_aspect=stream.sample_aspect_ratio or Fraction(1),
        color=ColorTags(frame.color_range, frame.colorspace, frame.color_trc, frame.color_primaries),
        audio=tuple(
            AudioInfo(s.codec_context.name, s.codec_context.sample_rate, s.codec_context.layout.nb_channels)
            for s in container.streams.audio
        ),
        timecode=next((code for code in timecodes if code), container.metadata.get("timecode")),
    )
