"""Opening a file as a video: what it is when it is none, said in one line. Every file goes to FFmpeg through here."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

import av
from av.codec.context import Flags as CodecFlags
from av.container import InputContainer, OutputContainer
from av.format import ContainerFormat
from av.packet import Packet
from av.stream import Disposition
from av.video.stream import VideoStream

from vera.errors import VeraError
from vera.video.decoding.fragments import read_fragments
from vera.video.decoding.tiff import check_tiff
from vera.video.sequence import DEFAULT_RATE, Sequence, find_sequence, source_files

# Words in a file need not be UTF-8; so they are kept byte for byte.
WORDS = "surrogateescape"
# FFmpeg reads these as video, but they hold one picture, or pictures made of text.
_STILL_FORMATS = ("image2", "_pipe", "ico", "avif")
_STILL_SUFFIXES = (".avif", ".heic", ".heif")
_LARGEST = 2**31 - 2**16  # bytes of a packet
# Formats that name other files or addresses to read, or are programs that FFmpeg runs.
_PLAYLISTS = {"hls", "concat", "concatf", "dash", "imf", "sdp", "mpjpeg", "vobsub", "webm_dash_manifest"}
_PLAYLISTS |= {"avisynth", "vapoursynth"}
# What a suffix means to FFmpeg, which first tries whether the whole path is a printf pattern of pictures: a folder
# named `%0999999999d` costs it gigabytes.
MUXERS = {".mp4": "mp4", ".mov": "mov", ".m4v": "ipod", ".mkv": "matroska", ".webm": "webm", ".nut": "nut"}
_PLAYLIST_HEADS = (b"#EXTM3U", b"ffconcat", b"<MPD", b"v=0", b"[playlist]", b"<ASX", b"<smil")

_KINDS = "PNG, TIFF, DPX, EXR, JPEG"
_SIGNATURES = {b"\x89PNG": (".png",), b"\xff\xd8\xff": (".jpg", ".jpeg"), b"v/1\x01": (".exr",)}
_SIGNATURES |= dict.fromkeys((b"II*\0", b"MM\0*"), (".tif", ".tiff")) | dict.fromkeys((b"SDPX", b"XPDS"), (".dpx",))

FileState = tuple[int, int, int]  # number on its disk, size and time of change


@dataclass(frozen=True)
class Footage:
    """Footage and how to read it: a file, or an image sequence of `rate` pictures a second (24 if None).

    `deinterlace`: make interlaced frames progressive, which are refused otherwise. `progressive`: believe that none is
    interlaced, whatever the file says (VeraError for both). `sound`: masters have its sound. `state`: what
    `file_state` said when it was probed; a reader refuses a file that is no longer the same.
    """

    path: Path
    deinterlace: bool = False
    rate: Fraction | None = None
    progressive: bool = False
    sound: bool = True
    state: tuple[FileState, ...] = field(default=(), compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.deinterlace and self.progressive:
            raise VeraError(f"{self.path}: footage is deinterlaced or taken for progressive; choose one of the two")


FootageLike = str | Path | Footage


class StillError(VeraError):
    """A file is a picture where moving ones are asked for."""


def as_footage(source: FootageLike) -> Footage:
    """Take a path alone for footage to be read as it is."""
    return source if isinstance(source, Footage) else Footage(Path(source))


def file_state(path: Path) -> tuple[FileState, ...]:
    """Tell a file, or all pictures of a sequence, from others of the same name; empty if there is none."""
    try:
        found = [file.stat() for file in source_files(path)]
    except OSError:
        return ()
    return tuple((held.st_ino, held.st_size, held.st_mtime_ns) for held in found)


def check_unchanged(path: Path, state: tuple[FileState, ...]) -> None:
    """Raise VeraError if `state` is recorded, and not that of the footage at `path` any more."""
    if state and file_state(path) != state:
        raise VeraError(f"{path}: was changed or replaced during the work; run the command again")


def media_url(path: Path | str) -> str:
    """Return the name by which FFmpeg opens this very file: it takes `take:1.mp4` for an address."""
    return f"file:{path}"


def open_input(
    path: Path | str, format_name: str | None = None, options: Mapping[str, str] | None = None
) -> InputContainer:
    """Open a file to read, with no other file or address that it may name; the caller closes it.

    `path` may be the pattern of a sequence, with the format image2. Words that are no UTF-8 are kept byte for byte.
    Of a fragmented file that is damaged all whole fragments are read. Raises what PyAV and the system raise;
    `av.ArgumentError` for a playlist.
    """
    allowed = {"protocol_whitelist": "file", "format_whitelist": format_name or _formats()}
    name = media_url(path)
    if (fragments := read_fragments(Path(path))) is not None and fragments.damage is not None:
        # Half a fragment would keep FFmpeg from those before it.
        name = f"subfile,,start,0,end,{fragments.end},,:{name}"
        allowed["protocol_whitelist"] += ",subfile"
    return av.open(name, "r", format=format_name, options={**(options or {}), **allowed}, metadata_errors=WORDS)


def open_output(
    path: Path | str,
    format_name: str | None = None,
    options: Mapping[str, str] | None = None,
    container_options: Mapping[str, str] | None = None,
) -> OutputContainer:
    """Open a file to write, or a pattern with the format image2. Raises what PyAV and the system raise."""
    return av.open(
        media_url(path),
        "w",
        format=format_name or MUXERS.get(Path(path).suffix.lower()),
        options=dict(options or {}),
        container_options=dict(container_options or {}),
        metadata_errors=WORDS,
    )


@cache
def _formats() -> str:
    """Return the formats that a file may have, as FFmpeg lists them: none that reads anything but the file itself."""
    names = []
    for name in av.formats_available:
        with suppress(ValueError):  # one that is only written
            if not ContainerFormat(name, "r").no_file and name not in _PLAYLISTS:
                names.append(name)
    return ",".join(sorted(names))


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
        raise VeraError(f"{path}: is a folder without numbered pictures ({_KINDS}); name a video in it")
    try:
        if path.stat().st_size == 0:
            raise VeraError(f"{path}: is empty (0 bytes); copy or download it again")
        container = open_input(path)
    except PermissionError as error:
        raise VeraError(f"{path}: may not be read; check its permissions") from error
    except (OSError, av.FFmpegError) as error:
        _check_animation(path)
        if _is_playlist(path):
            raise VeraError(f"{path}: is a playlist, which names other files; give the video itself") from error
        raise VeraError(
            f"{path}: is not a video, or is cut off before its first frame; copy or export it again"
        ) from error
    try:
        return container, _moving_pictures(path, container)
    except BaseException:
        container.close()
        raise


def open_picture(path: Path) -> InputContainer | None:
    """Open a file that holds one picture, whatever its name; None if it holds anything else. The caller closes it.

    Raises what PyAV and the system raise, and VeraError as `check_tiff`.
    """
    with suppress(OSError), path.open("rb") as file:
        check_tiff(path, file)
    try:
        container = open_input(path)
    except av.ArgumentError:  # FFmpeg goes by the name, as it must for TGA
        container = open_input(path, "image2", {"pattern_type": "none"})
    known = any(getattr(stream, "codec_context", None) for stream in container.streams.video)
    if known and container.format.name.endswith(_STILL_FORMATS):
        return container
    container.close()
    return None


def packets(
    container: InputContainer, stream: VideoStream, files: Iterable[Path], first: int = 0
) -> Iterator["Packet[VideoStream]"]:
    """Packets of `stream` in file order, the empty one that flushes the decoder last.

    Those of an image sequence are its `files` from number `first` on, which count as one for each tick; FFmpeg's own
    naming of numbered files knows fewer names.
    """
    if container.format.name != "image2":
        yield from container.demux(stream)
        return
    for number, file in enumerate(islice(files, first, None), first):
        # EXR is read by its own library, from the file.
        data = b"\0" if stream.codec_context.name == "exr" else _picture(file)
        packet: Packet[Any] = Packet(len(data))
        packet.update(data)  # a copy: Python's bytes are freed with its lock, for which a decoder's thread would wait
        packet.stream, packet.time_base = stream, stream.time_base or Fraction(1)
        packet.pts = packet.dts = number
        packet.duration, packet.is_keyframe = 1, True
        yield packet
    end: Packet[Any] = Packet()
    # Its time base is that of the frames which a decoder on several threads gives only now.
    end.stream, end.time_base = stream, stream.time_base or Fraction(1)
    yield end


def _picture(file: Path) -> bytes:
    """All bytes of a picture; one that is empty is as one that cannot be decoded."""
    try:
        if file.stat().st_size > _LARGEST:
            raise VeraError(f"{file}: is larger than 2 GB; is it a picture?")
        content = file.read_bytes()
    except OSError as error:
        raise VeraError(f"{file}: can't be read ({error.strerror or error}); check its permissions") from error
    check_tiff(file, BytesIO(content))
    return content or b"\0"


def _is_playlist(path: Path) -> bool:
    with suppress(OSError), path.open("rb") as file:
        head = file.read(1024).lstrip(b"\xef\xbb\xbf \t\r\n").lower()
        return head.startswith(tuple(map(bytes.lower, _PLAYLIST_HEADS))) or b"<mpd" in head
    return False


def _check_animation(path: Path) -> None:
    """Raise VeraError for an image file of several pictures, of which FFmpeg reads one or none."""
    head = b""
    with suppress(OSError), path.open("rb") as file:
        head = file.read(32)
    kind = {b"ftypavis": "AVIF", b"ftypmsf1": "HEIF", b"ftyphevc": "HEIF"}.get(head[4:12])
    if head[:4] == b"RIFF" and head[8:16] == b"WEBPVP8X" and head[20:21] and head[20] & 2:
        kind = "WebP"
    if kind is not None:
        raise VeraError(f"{path}: is an animated {kind}, which is not read; convert it to APNG or a video first")


def _check_name(path: Path) -> None:
    """VeraError for a picture whose name says that it is of another kind: FFmpeg reads those of a sequence by it."""
    with suppress(OSError), path.open("rb") as file:
        head = file.read(8)
        suffixes = next((known for signature, known in _SIGNATURES.items() if head.startswith(signature)), None)
        if suffixes is not None and path.suffix.lower() not in suffixes:
            raise VeraError(
                f"{path}: is no {path.suffix} picture; end its name in {suffixes[0]}, as that of all others"
            )


def _open_sequence(path: Path, sequence: Sequence, rate: Fraction) -> tuple[InputContainer, VideoStream]:
    _check_name(sequence.files[0])
    try:
        container = open_input(sequence.files[0], "image2", {"framerate": str(rate), "pattern_type": "none"})
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
        _check_animation(path)
        raise StillError(f"{path}: is a still image, not a video; give a clip, or the folder of numbered images")
    if not streams or format_name == "tty":  # plain text, which FFmpeg would draw
        held = "only sound" if container.streams.audio else "no frames of video"
        raise VeraError(f"{path}: holds {held}; give a file with a video track")
    stream = streams[0]
    # A stream that this FFmpeg can't decode has no codec context, whatever its type says.
    if getattr(stream, "codec_context", None) is None or not stream.width or not stream.height:
        raise VeraError(f"{path}: its video can't be decoded here; convert it to H.264, H.265, ProRes or FFV1 first")
    stream.thread_type = "AUTO"
    # Or columns that the stream crops on the left stay, as many as make samples begin where the processor likes it.
    stream.codec_context.flags |= CodecFlags.unaligned
    return stream
