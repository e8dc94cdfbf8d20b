"""Telling a whole file from one that lost frames: FFmpeg itself plays on to the last readable byte and says nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from vera.errors import VeraError

# In these a packet is not always one frame that is shown: hidden reference frames, a packet for each field, leading
# packets of a cut broadcast. Their frames can only be counted by decoding.
_UNEVEN_CODECS = {"vp8", "mpeg1video", "mpeg2video", "mpeg4", "msmpeg4v3", "vc1"}
_UNEVEN_FORMATS = {"mpegts", "mpeg", "h264", "hevc", "m4v"}


@dataclass
class Tally:
    """Running count of a stream's packets: all, those to be shown, those cut short, and the last end in seconds."""

    packets: int = 0
    shown: int = 0
    corrupt: int = 0
    end: Fraction = Fraction(0)


def packet_is_frame(container: InputContainer, stream: VideoStream) -> bool:
    """Whether each packet that is shown decodes to exactly one frame."""
    return stream.codec_context.name not in _UNEVEN_CODECS and container.format.name not in _UNEVEN_FORMATS


def counted_packets(container: InputContainer, stream: VideoStream, tally: Tally) -> Iterator["av.Packet[VideoStream]"]:
    """Packets of `stream` in file order, the empty one that flushes the decoder last, counted into `tally`."""
    time_base = stream.time_base or Fraction(1)
    for packet in container.demux(stream):
        if packet.size:
            tally.packets += 1
            tally.shown += not packet.is_discard
            tally.corrupt += packet.is_corrupt
            if packet.pts is not None:
                tally.end = max(tally.end, (packet.pts + (packet.duration or 0)) * time_base)
        yield packet


def check_whole(path: Path, container: InputContainer, stream: VideoStream, tally: Tally) -> None:
    """VeraError if the file promises more packets than `tally` counted when it was read to its end."""
    if container.format.name.startswith("mov"):
        promised = len(stream.index_entries)
        if tally.packets < promised or tally.corrupt:
            whole = tally.packets - tally.corrupt
            raise _damaged(path, f"{promised - whole} of its {promised} frames are missing")
    elif container.format.name.startswith("matroska"):
        promised_end = _matroska_end(container, stream)
        # Half a second: sound may be what lasted longer where no length of the video track itself is given.
        if promised_end - tally.end > Fraction(1, 2):
            raise _damaged(path, f"ends after {float(tally.end):.2f} of {float(promised_end):.2f} seconds")
    elif stream.frames and packet_is_frame(container, stream) and tally.packets < stream.frames:
        raise _damaged(path, f"{stream.frames - tally.packets} of its {stream.frames} frames are missing")


def check_decoded(path: Path, container: InputContainer, stream: VideoStream, tally: Tally, frames: int) -> None:
    """VeraError if fewer frames came out of the decoder than packets that are shown went in."""
    if packet_is_frame(container, stream) and frames < tally.shown:
        raise _damaged(path, f"{tally.shown - frames} of its {tally.shown} frames can't be decoded")


def _damaged(path: Path, what: str) -> VeraError:
    return VeraError(f"{path}: is damaged, {what}; copy or export it again, or trim it to the part that plays")


def _matroska_end(container: InputContainer, stream: VideoStream) -> Fraction:
    """Seconds at which the video track ends by the file's own word; 0 where it says nothing."""
    tag = stream.metadata.get("DURATION", "")
    try:
        hours, minutes, seconds = tag.split(":")
        return Fraction(int(hours) * 3600 + int(minutes) * 60) + Fraction(seconds)
    except ValueError:
        return Fraction(container.duration or 0, av.time_base) if not container.streams.audio else Fraction(0)
