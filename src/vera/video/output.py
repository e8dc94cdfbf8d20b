"""Where a result goes: what is refused before any work, the name it grows under, and what the disk says."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from math import lcm
from pathlib import Path
from tempfile import TemporaryFile

import av

from vera.errors import VeraError
from vera.files import FULL_DISK, check_outputs, real_path
from vera.video.carried.carry import sound_lost
from vera.video.clip import Clip
from vera.video.codecs import Codec, default_codec, find_codec
from vera.video.sequence import PICTURES, find_sequence, is_pattern, source_files
from vera.whole import check_replaceable

ISO_SUFFIXES = (".mp4", ".mov", ".m4v")
# Words that .mov and .mp4 have fields for; others go in a list of keys and values, which fewer programs read and beside
# which there is no place for a cover.
_ISO_WORDS = {"title", "artist", "album", "composer", "date", "comment", "genre", "copyright", "location"}
_ISO_WORDS |= {"creation_time"}
_ASPECT_ENCODERS = ("libx264", "libx265")  # they say the shape of pixels in the pictures
_ADVISED = (".mkv", ".mov", ".mp4", ".nut")  # instead of a file that can't hold the sound, if it is found that they can
_REFUSALS = (errno.EINVAL, errno.ERANGE, *(int(av.error.tag_to_code(tag)) for tag in (b"INDA", b"PAWE")))


def check_output(
    path: Path | str, clip: Clip, codec: str | Codec | None = None, audio_from: Path | None = None
) -> Codec:
    """What `FrameWriter` refuses before it writes, to ask before long work; returns the codec it would use."""
    path = Path(path)
    preset = _fitting_codec(path, clip, codec)
    if is_pattern(path):
        _check_folder(path.parent)
        return preset
    if path.suffix.lower() in PICTURES:
        raise VeraError(
            f"{path}: is one picture; name a sequence in a new folder, as new/{path.stem}.####{path.suffix}"
        )
    if not path.parent.is_dir():
        raise VeraError(f"{path.parent}: no such folder; create it or choose another")
    if path.is_dir():
        raise VeraError(f"{path}: is a folder; name a file in it")
    check_outputs([*source_files(clip.path), audio_from], [path])
    with user_errors(path), TemporaryFile(dir=real_path(path).parent):
        pass
    if audio_from is not None and clip.sound:
        _check_sound(path, clip, codec, audio_from)
    return preset


def _fitting_codec(path: Path, clip: Clip, codec: str | Codec | None) -> Codec:
    """The codec for pictures and times as those of `info` in a file named `path`; VeraError if it can't hold them."""
    suffix = path.suffix.lower()
    narrow = suffix == ".mkv" and clip.sample_aspect != 1
    name = codec or default_codec(path, clip.pix_fmt, _ASPECT_ENCODERS if narrow else ())
    preset = find_codec(name, path, clip.pix_fmt, clip.width, clip.height)
    if suffix in ISO_SUFFIXES and clip.pts[0] * clip.time_base < clip.clock:
        raise VeraError(f"{path}: such a file would cut off the frames before time 0; write .mkv, or remux the source")
    if suffix == ".mkv":
        _check_matroska(path, clip, preset)
    return preset


def _check_sound(path: Path, clip: Clip, codec: str | Codec | None, source: Path) -> None:
    """VeraError if a file named `path` can't hold the sound of `source`, with what was found to hold it."""
    if find_sequence(source) is not None or not (lost := sound_lost(source, path.suffix.lower())):
        return
    advice = "leave the sound out (--sound none)"
    for suffix in _ADVISED:
        if suffix != path.suffix.lower() and not sound_lost(source, suffix) and _fits(path, clip, codec, suffix):
            advice = f"write {suffix} instead, or {advice}"
            break
    raise VeraError(f"{path}: such a file can't hold the source's {' and '.join(lost)} sound; {advice}")


def _fits(path: Path, clip: Clip, codec: str | Codec | None, suffix: str) -> bool:
    try:
        _fitting_codec(path.with_suffix(suffix), clip, codec)
    except VeraError:
        return False
    return True


def _check_folder(folder: Path) -> None:
    """An image sequence is a folder, so that it can appear as a whole."""
    if not folder.absolute().parent.is_dir():
        raise VeraError(f"{folder.parent}: no such folder; create it or choose another")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise VeraError(f"{folder}: is there already; name a new folder for the pictures, as new/shot.####.png")
    check_replaceable(folder)
    with user_errors(folder), TemporaryFile(dir=real_path(folder).parent):
        pass


def _check_matroska(path: Path, clip: Clip, codec: Codec) -> None:
    milliseconds = {round(pts * clip.time_base * 1000) for pts in clip.pts}
    if len(milliseconds) < len(clip.pts):
        raise VeraError(f"{path}: such a file can't tell frames less than 1 ms apart; write .mp4 or .mov instead")
    # PyAV can't set Matroska's own field for it; H.264 and H.265 carry it in the pictures.
    if clip.sample_aspect != 1 and codec.encoder not in _ASPECT_ENCODERS:
        raise VeraError(
            f"{path}: {codec.encoder} in such a file would lose the pixel aspect {clip.sample_aspect}; "
            "use h264-lossless or h265-lossless"
        )


@contextmanager
def user_errors(path: Path, sound: bool = False) -> Iterator[None]:
    """Turn what the system or FFmpeg says on writing `path` into a VeraError; `sound`: it is written as well."""
    try:
        yield
    except (av.FFmpegError, OSError) as error:
        if error.errno in FULL_DISK:
            raise VeraError(f"{path}: the disk is full; free some space or write elsewhere") from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise VeraError(f"{path.parent}: can't be written; choose another folder for the output") from error
        if isinstance(error, av.FFmpegError) and error.errno in _REFUSALS:
            advice = "write another kind of file" + ", or leave the sound out (--sound none)" * sound
            raise VeraError(
                f"{path}: FFmpeg refuses to write what the source holds ({_said(error)}); {advice}"
            ) from error
        raise VeraError(f"{path}: writing failed ({_said(error)}); try another folder") from error


def _said(error: av.FFmpegError | OSError) -> str:
    """What FFmpeg or the system says of an error: the muxer's own words, where it has some."""
    log = getattr(error, "log", None)
    return str(log[2]).strip() if log else error.strerror or str(error)


def muxer_options(path: Path, clip: Clip) -> dict[str, str]:
    """Options that FFmpeg's muxer needs to keep times and records as they are."""
    # No random ids and no date in the file, so that the same frames give the same bytes.
    options = {"fflags": "+bitexact"}
    if path.suffix.lower() not in ISO_SUFFIXES:
        # Sound may start a little before 0 (AAC's priming); by default all tracks are moved until nothing does.
        return options | {"avoid_negative_ts": "disabled"}
    if clip.records and path.suffix.lower() != ".mov":
        options["strict"] = "unofficial"  # or they are left out
    ticks = clip.time_base.denominator
    # A first time other than 0 is kept in ticks of the movie, a millisecond by default: tick as the tracks do.
    shared = lcm(ticks, *(track.sample_rate for track in clip.audio))
    if not clip.metadata.keys() <= _ISO_WORDS and not any(track.kind == "picture" for track in clip.tracks):
        options["movflags"] = "use_metadata_tags"
    return options | {
        "video_track_timescale": str(ticks),
        "movie_timescale": str(shared if shared < 2**31 else ticks),
    }


def clock_notices(clip: Clip) -> list[str]:
    """A line of the clock that a master does not keep (`clock_start`)."""
    if not clip.clock:
        return []
    return [f"the source's clock begins at {float(clip.clock):.3f} s; all tracks are moved to begin at 0"]
