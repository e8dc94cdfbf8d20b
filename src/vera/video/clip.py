"""An open clip: what a video file is, to the exact timestamp, as an immutable record that reads its frames."""

import itertools
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from statistics import median_low

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.stream import VideoStream

from vera.color.tags import ColorTags, color_tags
from vera.errors import VeraError
from vera.video.carried.hdr import HdrMetadata, hdr_metadata
from vera.video.carried.records import track_records
from vera.video.carried.tracks import Chapter, TrackInfo, chapters, file_metadata, other_tracks
from vera.video.decoding.damage import PacketCount, check_whole, counted_packets, has_times, packet_is_frame
from vera.video.open import FileState, Footage, file_state, open_video
from vera.video.orientation import Matrix, Orientation, display_matrix, nearest_orientation
from vera.video.reader import FrameReader
from vera.video.sequence import source_files
from vera.video.view import model_view

_CLOCKS = ("mpegts", "mpeg")  # broadcasts and discs
_LATE = 60  # seconds without anything at the beginning that a file may have


@dataclass(frozen=True)
class AudioInfo:
    """A sound track: stream index in the file, codec name, rate in Hz, channel layout's name, language tag or None."""

    index: int
    codec: str
    sample_rate: int
    layout: str
    language: str | None


@dataclass(frozen=True)
class Clip:
    """What a video file is, and its frames; see `open_clip`.

    `width`, `height`: as coded, before orientation; `display_size`: (width, height) after it, in pixels as stored
    (sample aspect not applied). `pts`: presentation times of all frames in order, in units of `time_base` seconds.
    `duration`: seconds from the first frame's start to the last frame's end. `sample_aspect`: width of a pixel over its
    height. `color`: as tagged, unspecified where the file says nothing. `is_vfr`: some frame is more than a tick away
    from an even grid. `interlaced`: the first one is, on disk; `deinterlace`: those that are, are made progressive when
    they are read; `progressive`: none is taken to be. `hdr`: what the first frame says of its mastering.
    `display_matrix`: how pictures are turned, mirrored or skewed for display, None if not. `tracks`: those besides the
    pictures and `audio`. `metadata`: what the file says of its content. `records`: what the track
    of pictures says besides, by name. `sound`: whether masters are to have it. `state`: of the file when it was
    probed (see `file_state`).
    `clock`: seconds on the file's own clock that are time 0 of a master (see `clock_start`).
    """

    path: Path
    container: str
    codec: str
    width: int
    height: int
    display_size: tuple[int, int]
    pix_fmt: str
    bit_depth: int
    time_base: Fraction
    pts: tuple[int, ...]
    duration: Fraction
    average_rate: Fraction
    is_vfr: bool
    sample_aspect: Fraction
    color: ColorTags
    audio: tuple[AudioInfo, ...]
    timecode: str | None
    interlaced: bool = False
    deinterlace: bool = False
    hdr: HdrMetadata | None = None
    display_matrix: Matrix | None = None
    tracks: tuple[TrackInfo, ...] = ()
    chapters: tuple[Chapter, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    progressive: bool = False
    records: Mapping[str, bytes] = field(default_factory=dict)
    sound: bool = True
    state: tuple[FileState, ...] = field(default=(), compare=False, repr=False)
    clock: Fraction = Fraction(0)

    @property
    def footage(self) -> Footage:
        """The footage, to be read as it was probed."""
        rate = self.average_rate if self.container == "image2" else None
        return Footage(self.path, self.deinterlace, rate, self.progressive, self.sound, self.state)

    def frames(self) -> FrameReader:
        """Read its frames: a context manager that is iterated once."""
        return FrameReader(self.footage)

    @property
    def display_aspect(self) -> Fraction:
        """Width of a pixel of the upright picture over its height."""
        return 1 / self.sample_aspect if self.orientation.turns % 2 else self.sample_aspect

    @property
    def orientation(self) -> Orientation:
        """How to make the stored pictures upright, to the nearest right angle."""
        return nearest_orientation(self.display_matrix)

    @property
    def frame_count(self) -> int:
        """How many frames it has."""
        return len(self.pts)

    @property
    def coded_rate(self) -> Fraction:
        """Frames a second, about: a fraction of numbers so small that encoders and timelines hold them."""
        return self.average_rate.limit_denominator(60000)

    def position(self, pts: int) -> int:
        """Number of the frame that is shown from `pts` on, from 0."""
        return bisect_left(self.pts, pts)

    def frame_durations(self) -> dict[int, int]:
        """How long each frame is shown: pts -> ticks of `time_base`."""
        end = self.pts[0] + round(self.duration / self.time_base)
        return {pts: after - pts for pts, after in zip(self.pts, (*self.pts[1:], end), strict=True)}


ClipLike = Clip | str | Path


def as_clip(source: ClipLike) -> Clip:
    """Open a path with the defaults of `open_clip`; a clip that is open passes as it is."""
    return source if isinstance(source, Clip) else open_clip(source)


def open_clip(
    path: str | Path,
    *,
    deinterlace: bool = False,
    rate: Fraction | None = None,
    progressive: bool = False,
    sound: bool = True,
) -> Clip:
    """Open a file or an image sequence: read all packets of its first video stream and decode its first frame.

    Args:
        path: a file, a folder of numbered pictures, or a pattern of their names.
        deinterlace: make interlaced frames progressive, which are refused otherwise.
        rate: pictures a second of an image sequence (24 if None).
        progressive: believe that no frame is interlaced, whatever the file says.
        sound: masters have its sound.

    VeraError for whatever is no whole video: what `open_video` refuses, no frames, frames that are missing, times that
    do not rise, interlaced frames without `deinterlace`. (Old codecs don't give each frame a packet, nor AVI its time;
    then all frames are decoded.)
    """
    path = Path(path)
    source = Footage(path, deinterlace, rate, progressive, sound)
    state = file_state(path)
    container, stream = open_video(path, source.rate)
    with container:
        try:
            pts, last = _packet_times(path, container, stream)
            with FrameReader(source) as reader:
                first = next(iter(reader), None)
                interlaced = reader.interlaced
            if first is None or not pts:
                raise VeraError(f"{path}: holds no frames; export it again")
            exact = has_times(container) and packet_is_frame(container, stream) and None not in pts
            if not exact or len(pts) != len(set(pts)):
                with FrameReader(source) as reader:
                    pts = [frame.pts for frame in reader]
        except av.FFmpegError as error:
            raise VeraError(f"{path}: is damaged ({error.strerror}); copy or export it again") from error
        try:
            model_view(first, 16, 16)
        except VeraError as error:
            raise VeraError(f"{path}: {error}") from error
        times = tuple(time for time in pts if time is not None)
        if any(b <= a for a, b in itertools.pairwise(times)):
            raise VeraError(f"{path}: its timestamps do not rise; remux it, or export it again")
        return replace(
            _media_info(path, container, stream, first, times, last, interlaced, source.sound),
            deinterlace=source.deinterlace,
            progressive=source.progressive,
            sound=source.sound,
            state=state,
        )


def _packet_times(path: Path, container: InputContainer, stream: VideoStream) -> tuple[list[int | None], int]:
    """Times of the packets that are shown, in order, and the duration of the latest, 0 if it has none."""
    counted = PacketCount()
    shown = [
        (packet.pts, packet.duration or 0)
        for packet in counted_packets(container, stream, counted, source_files(path))
        if packet.size and not packet.is_discard
    ]
    check_whole(path, container, stream, counted)
    timed = sorted((pts, duration) for pts, duration in shown if pts is not None)
    if len(timed) < len(shown):
        return [pts for pts, _ in shown], 0
    return [pts for pts, _ in timed], timed[-1][1] if timed else 0


def _media_info(
    path: Path,
    container: InputContainer,
    stream: VideoStream,
    first: av.VideoFrame,
    pts: tuple[int, ...],
    last: int,
    interlaced: bool,
    sound: bool,
) -> Clip:
    time_base = stream.time_base or Fraction(1, 1000)
    nominal = stream.average_rate or stream.guessed_rate or Fraction(25)
    vfr = _is_vfr(pts)
    if not last and len(pts) > 1:
        last = median_low(b - a for a, b in itertools.pairwise(pts))
    duration = (pts[-1] - pts[0] + (last or max(1, round(1 / (nominal * time_base))))) * time_base
    matrix = display_matrix(first)
    return Clip(
        path=path,
        container=container.format.name,
        codec=stream.codec_context.codec.canonical_name,
        width=first.width,
        height=first.height,
        display_size=nearest_orientation(matrix).swapped((first.width, first.height)),
        pix_fmt=first.format.name,
        bit_depth=max(component.bits for component in first.format.components),
        time_base=time_base,
        pts=pts,
        duration=duration,
        average_rate=len(pts) / duration if vfr else nominal,
        is_vfr=vfr,
        sample_aspect=stream.sample_aspect_ratio or Fraction(1),
        color=color_tags(first),
        audio=tuple(_audio_info(track) for track in container.streams.audio if sound and is_known(track)),
        timecode=timecode(container, stream),
        interlaced=interlaced,
        hdr=hdr_metadata(first),
        display_matrix=matrix,
        tracks=other_tracks(container, stream.index),
        chapters=chapters(container),
        metadata=file_metadata(container.metadata),
        records=track_records(stream),
        clock=clock_start(container, stream),
    )


def clock_start(container: InputContainer, stream: VideoStream) -> Fraction:
    """Where a file's time begins if its clock is not the film's: a broadcast's goes on day and night.

    0 for files that begin at 0 or a little after it; those of other kinds may mean to.
    """
    tracks = [stream, *container.streams.audio]
    starts = [
        track.start_time * track.time_base for track in tracks if track.start_time is not None and track.time_base
    ]
    first = min(starts, default=Fraction(0))
    return first if first > _LATE or container.format.name in _CLOCKS else Fraction(0)


def _is_vfr(pts: tuple[int, ...]) -> bool:
    """Whether a frame lies more than one tick from where an even grid over the clip would put it.

    A tick is allowed since containers round: Matroska to milliseconds, so that 29.97 fps becomes 33, 34, 33 ...
    """
    if len(pts) < 3:
        return False
    step = Fraction(pts[-1] - pts[0], len(pts) - 1)
    return any(abs(time - pts[0] - index * step) > 1 for index, time in enumerate(pts))


def is_known(sound: AudioStream) -> bool:
    """Whether FFmpeg knows a sound track's codec."""
    return getattr(sound, "codec_context", None) is not None


def _audio_info(sound: AudioStream) -> AudioInfo:
    context = sound.codec_context
    # "und" is how some containers write that nobody said.
    language = None if sound.language == "und" else sound.language
    return AudioInfo(sound.index, context.codec.canonical_name, context.sample_rate, context.layout.name, language)


def timecode(container: InputContainer, stream: VideoStream) -> str | None:
    """Timecode of the first frame, wherever the container keeps it: the stream, a tmcd track, the file (as MXF)."""
    for metadata in (stream.metadata, *(track.metadata for track in container.streams.data), container.metadata):
        for name, value in metadata.items():
            if name.lower() == "timecode":
                return value
    return None
