"""Opening a file as a video: what it is when it is none, said in one line."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from vera.errors import VeraError
from vera.video.sequence import DEFAULT_RATE, Sequence, find_sequence

# Words in a file need not be UTF-8; so they are kept byte for byte.
WORDS = "surrogateescape"
# FFmpeg reads these as video, but they hold one picture, or pictures made of text.
_STILL_FORMATS = ("image2", "_pipe", "ico", "avif")
_STILL_SUFFIXES = (".avif", ".heic", ".heif")


@dataclass(frozen=True)
class Source:
    """Footage and how to read it: a file, or an image sequence of `rate` pictures a second (24 if None).

    `deinterlace`: make interlaced frames progressive, which are refused otherwise.
    """

    path: Path
    deinterlace: bool = False
    rate: Fraction | None = None


SourceLike = str | Path | Source


def as_source(source: SourceLike) -> Source:
    """A path alone is footage to be read as it is."""
    return source if isinstance(source, Source) else Source(Path(source))


def open_video(path: Path, rate: Fraction | None = None) -> tuple[InputContainer, VideoStream]:
    """Open `path` and give the container with its first real video stream, set to decode on all cores.

    A folder of numbered pictures, or their pattern such as `shot.####.dpx`, is opened as a clip of `rate` frames a
    second (24 if None, which files of video ignore). The caller closes the container. VeraError for what holds no
    moving pictures: a missing or empty file, another folder, a file cut off before its index, a still image, sound
    alone (a cover picture does not count), another kind of file.
    """
    sequence = find_sequence(path)
    if sequence is not None:
        return _open_sequence(path, sequence, rate or DEFAULT_RATE)
    if not path.exists():
        raise VeraError(f"{path}: no such file; check the path")
    if path.is_dir():
        raise VeraError(f"{path}: is a folder without numbered pictures; name a video file in it")
    try:
        if path.stat().st_size == 0:
            raise VeraError(f"{path}: is empty (0 bytes); copy or download it again")
        container = av.open(str(path), metadata_errors=WORDS)
    except PermissionError as error:
        raise VeraError(f"{path}: may not be read; check its permissions") from error
    except (OSError, av.FFmpegError) as error:
        raise VeraError(
            f"{path}: is not a video, or is cut off before its first frame; copy or export it again"
        ) from error
    try:
        return container, _moving_pictures(path, container)
    except BaseException:
        container.close()
        raise


def _open_sequence(path: Path, sequence: Sequence, rate: Fraction) -> tuple[InputContainer, VideoStream]:
    options = {"framerate": str(rate), "start_number": str(sequence.start), "start_number_range": "1"}
    try:
        container = av.open(sequence.pattern, format="image2", options=options, metadata_errors=WORDS)
    except (OSError, av.FFmpegError) as error:
        raise VeraError(f"{path}: its first picture can't be read; copy or render it again") from error
    stream = container.streams.video[0]
    context = getattr(stream, "codec_context", None)
    # FFmpeg can't tell the size of each EXR that the OpenEXR library reads.
    if context is None or not (context.name == "exr" or (stream.width and stream.height)):
        container.close()
        raise VeraError(f"{path}: its first picture can't be decoded; copy or render it again")
    stream.thread_type = "AUTO"
    return container, stream


def _moving_pictures(path: Path, container: InputContainer) -> VideoStream:
    still = Disposition.attached_pic | Disposition.still_image
    streams = [stream for stream in container.streams.video if not stream.disposition & still]
    format_name = container.format.name
    if format_name.endswith(_STILL_FORMATS) or (container.streams.video and path.suffix.lower() in _STILL_SUFFIXES):
        raise VeraError(f"{path}: is a still image, not a video; give a clip, or the folder of numbered images")
    if not streams or format_name == "tty":  # plain text, which FFmpeg would draw
        held = "only sound" if container.streams.audio else "no frames of video"
        raise VeraError(f"{path}: holds {held}; give a file with a video track")
    stream = streams[0]
    # A stream that this FFmpeg can't decode has no codec context, whatever its type says.
    if getattr(stream, "codec_context", None) is None or not stream.width or not stream.height:
        raise VeraError(f"{path}: its video can't be decoded here; convert it to H.264, H.265, ProRes or FFV1 first")
    stream.thread_type = "AUTO"
    return stream
