"""The smart master: the source's own packets, but for the pictures that change and what is predicted from them.

Nothing else moves. A picture that must change is encoded on its own (intra) with the stream's own coding tools, and its
slices take the place of the old ones under a header that leaves decoders in the state they expect: see `h264` and
`hevc`. So order, times and all other packets stay, in closed and in open groups of pictures, and the parameters
of the new pictures stand in the file's header, where every player looks for them.
"""

import warnings
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from heapq import merge
from itertools import zip_longest
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from vera.errors import DamageWarning, VeraError
from vera.progress import Progress
from vera.video import Clip, FrameReader, planes
from vera.video.carried.carry import carry
from vera.video.carried.lost import not_held
from vera.video.carried.packets import shift_packet
from vera.video.open import check_unchanged, open_output, open_video
from vera.video.output import ISO_SUFFIXES, clock_notices, muxer_options, user_errors
from vera.video.smart.bits import UnsupportedError
from vera.video.smart.encoder import Edited, PictureEncoder, digest
from vera.video.smart.h264 import H264
from vera.video.smart.hevc import Hevc
from vera.video.smart.nal import join_lengths, split_lengths
from vera.video.smart.plan import plan
from vera.whole import whole_file, whole_name

SUFFIXES = {"mov,mp4,m4a,3gp,3g2,mj2": (".mp4", ".mov", ".m4v"), "matroska,webm": (".mkv",)}
_DAMAGED = "its stream is damaged or of an unknown kind"
_ROUNDING = Fraction(1, 1000)
_CODECS: dict[str, type[H264] | type[Hevc]] = {"h264": H264, "hevc": Hevc}


@dataclass(frozen=True)
class SmartPlan:
    """The pictures of a stream in decoding order: their times, and which of them are encoded anew."""

    times: tuple[int, ...]
    renewed: frozenset[int]  # times
    stream: H264 | Hevc


def plan_smart(source: Path, suffix: str, changed: Collection[int]) -> SmartPlan:
    """Which packets of `source` stay if the pictures at the times `changed` are to look different.

    Reads all packets, decodes none. UnsupportedError, with the reason, if they could not stay in a file of that suffix.
    """
    container, video = open_video(source)
    with container:
        if suffix.lower() not in SUFFIXES.get(container.format.name, ()):
            raise UnsupportedError(f"packets cannot be kept from {source.suffix} to {suffix}")
        name = video.codec_context.codec.canonical_name
        if name not in _CODECS:
            raise UnsupportedError(f"its codec is {name}; smart masters are made of h264 and hevc")
        if _has_own_aspect(video) and suffix.lower() not in ISO_SUFFIXES:
            raise UnsupportedError("its file says another pixel aspect than its pictures")
        try:
            stream = _CODECS[name](video.codec_context.extradata or b"")
            pictures = [_examine(packet, stream) for packet in container.demux(video) if packet.size]
        except (EOFError, IndexError, ValueError) as error:
            raise UnsupportedError(_DAMAGED) from error
    times = tuple(time for time, _ in pictures)
    renewed = frozenset(time for time, renew in zip(times, plan(pictures, changed), strict=True) if renew)
    return SmartPlan(times, renewed, stream)


def _has_own_aspect(video: VideoStream) -> bool:
    """Whether the file says another pixel aspect than its pictures."""
    return (video.sample_aspect_ratio or 1) != (video.codec_context.sample_aspect_ratio or 1)


def _examine(packet: "Packet[VideoStream]", stream: H264 | Hevc) -> tuple[int, bool]:
    """Time of the picture, and whether decoding can start there."""
    if packet.pts is None or packet.is_discard or packet.is_corrupt:
        raise UnsupportedError("its file hides pictures, or does not say when they are shown")
    units = split_lengths(bytes(packet), stream.length_size)
    stream.check(units)
    return packet.pts, stream.restarts(units)


def write_smart(clip: Clip, out: Path, work: SmartPlan, edited: Edited, progress: Progress | None = None) -> None:
    """Write the smart master of `info.path`, with `edited(frame)` for each frame at a time in `work.renewed`.

    `edited` may return the frame itself. Nothing stands under the name `out` until the file is whole and has been
    checked: every kept packet is the source's and decodes to the source's samples, every new one to the encoder's.
    UnsupportedError if that turns out not to be so; VeraError as from the reader and the writer.
    """
    with user_errors(out, bool(clip.audio)), whole_file(out) as partial:
        notices, digests = _write(clip, out, partial, work, edited, progress)
        check_smart(clip, partial, work, digests, progress)
        check_unchanged(clip.path, clip.state)
        notices += not_held(partial, clip, carried=True)
    for notice in notices:
        warnings.warn(f"{whole_name(out)}: {notice}", stacklevel=2)


def check_smart(
    clip: Clip, result: Path, work: SmartPlan, digests: Mapping[int, bytes], progress: Progress | None = None
) -> None:
    """UnsupportedError, saying why, unless `result` keeps all packets and samples of `info.path` but the renewed ones.

    New pictures must decode to what the encoder meant, sample by sample: `digests` of them, by time.
    """
    if (broken := compare_packets(clip.path, result, work.renewed, clip.clock).broken) is not None:
        raise UnsupportedError(broken)
    try:
        with warnings.catch_warnings(action="ignore", category=DamageWarning):
            _check_frames(clip, result, work, digests, progress)
    except VeraError as error:
        raise UnsupportedError("it would not decode as a whole") from error


def _check_frames(
    clip: Clip, result: Path, work: SmartPlan, digests: Mapping[int, bytes], progress: Progress | None
) -> None:
    with FrameReader(clip.path) as sources, FrameReader(result) as results:
        for count, (before, after) in enumerate(zip(sources, results, strict=True)):
            assert before.pts is not None
            if before.pts not in work.renewed:
                pairs = zip(planes(before), planes(after), strict=True)
                if not all(np.array_equal(one, other) for one, other in pairs):
                    raise UnsupportedError(f"its frame {count}, which nothing touches, would decode differently")
            elif digest(after) != digests.get(before.pts):
                raise UnsupportedError(f"its frame {count} would not decode as it was encoded")
            if progress is not None:
                progress("verify", count + 1, clip.frame_count)
        if sources.damaged or results.damaged:
            raise UnsupportedError("it is damaged")


@dataclass(frozen=True)
class PacketReport:
    """Packets of a result; those among them that are the source's, byte for byte; what is wrong, None if nothing."""

    packets: int
    kept: int
    broken: str | None


def compare_packets(
    source: Path, result: Path, renewed: Collection[int], clock: Fraction = Fraction(0)
) -> PacketReport:
    """Whether all packets of `result` are those of `source`, in order and time, but for those at times `renewed`.

    The result's clock is at 0 when the source's is at `clock`. Times in other ticks may differ by what is rounded.
    """
    broken, packets, kept = None, 0, 0
    with ExitStack() as stack:
        (one, before), (other, after) = open_video(source), open_video(result)
        stack.enter_context(one)
        stack.enter_context(other)
        rounding = Fraction(0) if before.time_base == after.time_base else _ROUNDING
        pairs = zip_longest(_packets(one, before), _packets(other, after))
        for number, (old, new) in enumerate(pairs):
            if old is None or new is None:
                broken = f"there are not as many packets as in {source.name}"
                break
            same = bytes(old) == bytes(new)
            packets, kept = packets + 1, kept + same
            if broken is None and not same and old.pts not in renewed:
                broken = f"packet {number} is not that of {source.name}"
            if broken is None and abs(_seconds(old) - clock - _seconds(new)) > rounding:
                broken = f"packet {number} is not shown when that of {source.name} is"
    return PacketReport(packets, kept, broken)


def _seconds(packet: "Packet[VideoStream]") -> Fraction:
    return (packet.pts or 0) * packet.time_base


def _packets(container: InputContainer, video: VideoStream) -> "Iterator[Packet[VideoStream]]":
    return (packet for packet in container.demux(video) if packet.size)


def _write(
    clip: Clip, out: Path, part: Path, work: SmartPlan, edited: Edited, progress: Progress | None
) -> tuple[list[str], dict[int, bytes]]:
    """Write `out` as `part`; returns a line for each thing that such a file can't hold, and digests of new pictures."""
    notices = clock_notices(clip)
    with ExitStack() as stack:
        (source, video), (others, _) = open_video(clip.path), open_video(clip.path)
        stack.enter_context(source)
        stack.enter_context(others)
        reader = stack.enter_context(FrameReader(clip.path))
        encoder = PictureEncoder(clip, work.stream, work.renewed, edited, iter(reader)) if work.renewed else None
        output = stack.enter_context(open_output(part, container_options=muxer_options(out, clip)))
        target = _copy_stream(video, output, clip, encoder.record if encoder else None)
        carried = carry(others, output, out, video.index, clip, notices)
        output.start_encoding()
        count = 0
        for packet in merge(_packets(source, video), carried, key=lambda packet: _decoded_at(packet, video, clip)):
            if packet.stream is video:
                count += 1
                if encoder is not None and packet.pts in work.renewed:
                    packet = _renewed(packet, work.stream, encoder.picture(packet.pts))
                shift_packet(packet, clip.clock)
                packet.stream = target
                if progress is not None:
                    progress("master", count, len(work.times))
            try:
                output.mux(packet)
            except av.ArgumentError as error:
                raise UnsupportedError("its packets come at times that no muxer takes") from error
        if encoder is None:
            return notices, {}
        encoder.finish()
        return notices, encoder.digests


def _decoded_at(packet: "Packet[Any]", video: VideoStream, clip: Clip) -> Fraction:
    """On the result's clock, as carried packets already are."""
    time = packet.pts if packet.dts is None else packet.dts
    return (time or 0) * packet.time_base - (clip.clock if packet.stream is video else 0)


def _renewed(packet: "Packet[Any]", stream: H264 | Hevc, picture: bytes) -> "Packet[Any]":
    try:
        units = stream.graft(split_lengths(bytes(packet), stream.length_size), picture)
        fresh: Packet[Any] = Packet(join_lengths(units, stream.length_size))
    except (EOFError, IndexError, ValueError) as error:
        raise UnsupportedError(_DAMAGED) from error
    except OverflowError as error:
        raise UnsupportedError("its packets cannot hold pictures as long as the new ones") from error
    fresh.stream = packet.stream
    fresh.pts, fresh.dts, fresh.duration, fresh.time_base = packet.pts, packet.dts, packet.duration, packet.time_base
    fresh.is_keyframe = packet.is_keyframe
    return fresh


def _copy_stream(video: VideoStream, output: OutputContainer, clip: Clip, record: bytes | None) -> VideoStream:
    target = output.add_stream_from_template(video)
    target.codec_context.codec_tag = video.codec_context.codec_tag
    target.disposition = video.disposition
    if record is not None:
        target.codec_context.extradata = record
    if _has_own_aspect(video):
        target.codec_context.sample_aspect_ratio = clip.sample_aspect
    if clip.timecode:
        target.metadata["timecode"] = clip.timecode
    return target
