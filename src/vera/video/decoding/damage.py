"""Telling a whole file from one that lost frames: FFmpeg itself plays on to the last readable byte and says nothing."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from av.container import InputContainer
from av.format import Flags
from av.packet import Packet
from av.video.stream import VideoStream

from vera.errors import DamageWarning, VeraError
from vera.video.decoding.fragments import read_fragments
from vera.video.open import packets

# In these a packet is not always one frame that is shown: hidden reference frames, a packet for each field, leading
# packets of a cut broadcast. Their frames can only be counted by decoding.
_UNEVEN_CODECS = {"vp8", "mpeg1video", "mpeg2video", "mpeg4", "msmpeg4v3", "vc1"}
_UNEVEN_FORMATS = {"mpegts", "mpeg", "h264", "hevc", "m4v"}
# These keep no presentation times, and those that FFmpeg makes up are wrong as soon as frames are reordered; bare
# streams of pictures say so themselves.
_UNTIMED_FORMATS = {"avi", "asf"}

_MATROSKA_SEGMENT = bytes.fromhex("18538067")
NAMED = 10  # damaged frames whose times a line tells
_HEAD = 4096  # bytes; the Segment starts within the first hundred


@dataclass
class PacketCount:
    """Running count of a stream's packets: all, those to be shown, and those cut short."""

    packets: int = 0
    shown: int = 0
    corrupt: int = 0


def packet_is_frame(container: InputContainer, stream: VideoStream) -> bool:
    """Whether each packet that is shown decodes to exactly one frame."""
    return stream.codec_context.name not in _UNEVEN_CODECS and container.format.name not in _UNEVEN_FORMATS


def has_times(container: InputContainer) -> bool:
    """Whether the container keeps each frame's presentation time."""
    untimed: int = Flags.no_timestamps.value  # type: ignore[assignment]  # PyAV's stubs take the value for the flag
    if container.format.name == "image2":  # a sequence, whose packets are stamped by their pictures' numbers
        return True
    return not (container.format.flags & untimed or container.format.name in _UNTIMED_FORMATS)


def counted_packets(
    container: InputContainer, stream: VideoStream, counted: PacketCount, files: Sequence[Path] = ()
) -> Iterator["Packet[VideoStream]"]:
    """Packets of `stream` in file order, the empty one that flushes the decoder last, and counted in `counted`.

    `files`: those of an image sequence.
    """
    for packet in packets(container, stream, files):
        if packet.size:
            counted.packets += 1
            counted.shown += not packet.is_discard
            counted.corrupt += packet.is_corrupt
        yield packet


def check_whole(path: Path, container: InputContainer, stream: VideoStream, counted: PacketCount) -> None:
    """VeraError if the file promises more than what was `counted` when it was read to its end.

    Of a fragmented file what is whole is read (see `check_fragments`).
    """
    if container.format.name.startswith("mov"):
        if read_fragments(path) is not None:
            return
        promised = len(stream.index_entries)
        whole = counted.packets - counted.corrupt
        if whole < promised:
            raise _damaged(path, f"{promised - whole} of its {promised} frames are missing")
    if container.format.name == "image2":
        return  # of several files, none of which tells of the others
    size = _promised_size(path, container.format.name)
    if path.stat().st_size < size:
        raise _damaged(path, f"it ends after {path.stat().st_size:,} of {size:,} bytes")


def check_fragments(path: Path, seconds: float) -> None:
    """Warn with a `DamageWarning` of fragments that are missing; `seconds`: the time of the last frame."""
    fragments = read_fragments(path)
    if fragments is not None and fragments.damage is not None:
        warnings.warn(
            f"{path}: is damaged, {fragments.damage}; what is whole was read, up to {seconds:.3f} s",
            DamageWarning,
            stacklevel=2,
        )


def check_decoded(path: Path, frames: int, damaged: Sequence[Fraction], lost: int) -> None:
    """Warn with a `DamageWarning` of frames that are damaged; VeraError if of more than half nothing came out.

    `damaged`: their times in seconds; `lost`: of how many of them nothing came out.
    """
    if lost * 2 > frames:
        raise _damaged(path, f"{lost} of its {frames} frames can't be decoded")
    warn_damaged(path, frames, damaged)


def warn_damaged(path: Path, frames: int, damaged: Sequence[Fraction]) -> None:
    """Warn with a `DamageWarning` if any of the `frames` that were read are `damaged`, their times in seconds."""
    if damaged:
        count = len(damaged)
        times = ", ".join(f"{float(time):.3f}" for time in damaged[:NAMED]) + (" ..." if count > NAMED else "")
        what = f"{count} of its {frames} frames {'is' if count == 1 else 'are'} damaged, at {times} s"
        warnings.warn(
            f"{path}: {what}; the decoder repaired or the frame before replaced them, and frames that are predicted "
            "from them may be wrong as well",
            DamageWarning,
            stacklevel=1,  # one place for all, so that what two readers find is told once
        )


def _damaged(path: Path, what: str) -> VeraError:
    return VeraError(f"{path}: is damaged, {what}; copy or export it again, or trim it to the part that plays")


def _promised_size(path: Path, container: str) -> int:
    """Bytes that the file has by the word of its own header, 0 where that says nothing (as in a live recording)."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if container.startswith("matroska") and (start := head.find(_MATROSKA_SEGMENT)) >= 0:
        return _matroska_end(head, start + len(_MATROSKA_SEGMENT))
    if container == "avi":
        # RIFF: four letters, then the size of what follows; files above 1 GiB go on in further RIFFs.
        size = int.from_bytes(head[4:8], "little")
        return size + 8 if size < 2**32 - 1 else 0
    return 0


def _matroska_end(head: bytes, start: int) -> int:
    """End of the element whose size is coded at `start`: the leading zero bits of its first byte give its length."""
    length = 9 - head[start].bit_length()
    bits = 7 * length
    size = int.from_bytes(head[start : start + length], "big") & (2**bits - 1)
    return 0 if size == 2**bits - 1 else start + length + size  # all ones: not known when the file was begun
