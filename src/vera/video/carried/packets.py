"""Fit copied packets to a muxer: those that are heard or seen, at times that it takes."""

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from typing import Any

from av.container import OutputContainer
from av.format import Flags
from av.packet import Packet
from av.rational import AVRational

from vera.video.carried.pcm import Pcm, end_of, evened, pcm_of

_ISO = ("mp4", "mov", "ipod")
_LOOSE: Any = Flags.ts_nonstrict.value  # of muxers that take two packets at one time
_RUN_IN = 2112  # samples: Apple's AAC; those of FFmpeg are 1024, of Opus 312
_ADTS = 7  # bytes of a header of AAC in broadcasts, at least
_TOLD = Fraction(1, 10)  # seconds: sound that is moved by more is no longer in time with the pictures


def fit_packets(
    packets: Iterable["Packet[Any]"],
    tracks: Mapping[int, Any],
    target: OutputContainer,
    clock: Fraction = Fraction(0),
    notices: list[str] | None = None,
) -> Iterator["Packet[Any]"]:
    """Give the packets for `target`, whose track of each source track `tracks` holds: `clock` seconds earlier.

    Packets that an edit list hides are left out, but for what decoders need for the first that is heard: .mp4 and .mov
    keep all before time 0, which their own edit list hides again; other files the run-in of an encoder. Decoding times
    that step back are moved up to the one before, and so are presentation times that would come before them, as ffmpeg
    does; a line in `notices` tells of steps that can be heard. To be iterated when the file's header is written, as
    that settles the ticks of its tracks.
    """
    is_iso = target.format.name in _ISO
    apart = 0 if target.format.flags & _LOOSE else 1
    leading: dict[int, bool] = {}  # of tracks that have not begun: whether what comes before that is kept
    begun: set[int] = set()
    last: dict[int, int] = {}
    steps: dict[int, Fraction] = {}
    ends: dict[int, Fraction] = {}  # of PCM: when the samples that are written end
    for packet in packets:
        index = packet.stream_index
        if not packet.size or is_cut_head(packet):
            continue
        if not packet.is_discard:
            begun.add(index)
        elif (
            index in begun
            or not leading.setdefault(index, is_iso or is_run_in(packet))
            or (is_iso and not _ends_before(packet, clock))
        ):
            continue
        track = tracks[index]
        pcm = pcm_of(packet.stream) if is_iso else None
        shift_packet(packet, clock)
        packet.stream = track
        packet.rescale_ts(AVRational(track.time_base.numerator, track.time_base.denominator))
        pieces = [packet]
        if pcm is not None and packet.pts is not None:
            pieces = list(_evened(packet, pcm, ends.get(index)))
            ends[index] = _end(pieces[-1], pcm) if pieces else ends[index]
        for piece in pieces:
            step = _raise_times(piece, last[index] + apart if index in last else None)
            steps[index] = max(steps.get(index, Fraction(0)), step * track.time_base)
            if piece.dts is not None:
                if not piece.duration and index in last and track.type == "audio":
                    piece.duration = piece.dts - last[index]  # .mp4 and .mov would end before a last one without
                last[index] = piece.dts
            yield piece
    if notices is not None:
        notices += [
            f"the times of track {index} of the source step back, so that it is moved by up to {float(step):.2f} s"
            for index, step in steps.items()
            if step > _TOLD
        ]


def _evened(packet: "Packet[Any]", pcm: Pcm, end: Fraction | None) -> Iterator["Packet[Any]"]:
    """Yield a packet of PCM, whose stream is set, as packets that follow what ends at `end` (see `evened`)."""
    begin, data = _begin(packet), bytes(packet)
    found = list(evened(pcm, begin if end is None else end, begin, data))
    if found == [(begin, data)]:
        yield packet
        return
    for time, samples in found:
        piece: Packet[Any] = Packet(samples)
        piece.stream, piece.time_base, piece.is_keyframe = packet.stream, packet.time_base, True
        piece.pts = piece.dts = round(time / packet.time_base)
        piece.duration = round(Fraction(len(samples) // pcm.block, pcm.rate) / packet.time_base)
        yield piece


def _begin(packet: "Packet[Any]") -> Fraction:
    return Fraction((packet.pts or 0) * packet.time_base)


def _end(packet: "Packet[Any]", pcm: Pcm) -> Fraction:
    return end_of(pcm, _begin(packet), bytes(packet))


def shift_packet(packet: "Packet[Any]", clock: Fraction) -> None:
    """Move a packet `clock` seconds earlier."""
    ticks = round(clock / packet.time_base) if clock else 0
    if ticks:
        packet.pts = None if packet.pts is None else packet.pts - ticks
        packet.dts = None if packet.dts is None else packet.dts - ticks


def payload(data: bytes) -> bytes:
    """A packet without the header that AAC has in broadcasts only (ADTS, ISO 13818-7); the last may be cut off."""
    if len(data) < _ADTS or data[0] != 0xFF or data[1] & 0xF6 != 0xF0:
        return data
    size = (data[3] & 3) << 11 | data[4] << 3 | data[5] >> 5
    return data[_ADTS if data[1] & 1 else _ADTS + 2 :] if size >= len(data) else data


def is_cut_head(packet: "Packet[Any]") -> bool:
    """Whether a packet is that header alone, or a piece of it, as where a recording was stopped: no muxer takes it."""
    codec = getattr(packet.stream, "codec_context", None)
    if not packet.size or packet.size > _ADTS + 2 or codec is None or codec.name != "aac":
        return False
    data = bytes(packet)
    return data[0] == 0xFF and (packet.size <= _ADTS or not payload(data))


def is_run_in(packet: "Packet[Any]") -> bool:
    """Whether the first packet of a track says that no more is hidden than what an encoder puts before its sound."""
    skipped = bytes(packet.get_sidedata("skip_samples"))
    return len(skipped) >= 4 and int.from_bytes(skipped[:4], "little") <= _RUN_IN


def _ends_before(packet: "Packet[Any]", time: Fraction) -> bool:
    return packet.pts is not None and (packet.pts + (packet.duration or 0)) * packet.time_base <= time


def _raise_times(packet: "Packet[Any]", least: int | None) -> int:
    """Move a packet's times up to what the muxer takes; returns by how many ticks."""
    if packet.dts is None:
        return 0
    step = 0 if least is None else max(0, least - packet.dts)
    packet.dts += step
    if packet.pts is not None and packet.pts < packet.dts:
        packet.pts = packet.dts
    return step
