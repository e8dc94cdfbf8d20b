"""Compare two files in all but samples: times, display, sound, other tracks."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from av.container import InputContainer

from vera.video.carried.copied import tracks_held
from vera.video.carried.lost import not_held
from vera.video.carried.packets import is_cut_head, is_run_in, payload
from vera.video.carried.pcm import Pcm, end_of, evened, pcm_of
from vera.video.carried.records import DOLBY_VISION
from vera.video.clip import Clip, is_known
from vera.video.open import open_input
from vera.video.orientation import is_right_angled
from vera.video.output import ISO_SUFFIXES
from vera.video.sequence import find_sequence

_PIECE = 4096  # bytes of PCM that are compared at a time
# Codecs whose files hold colours, HDR metadata and records of the pictures.
_HOLDERS = ("h264", "hevc", "ffv1", "prores")
_SHOWN = ("colour", "transfer", "HDR", "pixel aspect", "cropping", "stereoscopic", "spherical")


@dataclass(frozen=True)
class Kept:
    """A line for each thing of the source that a result of its kind can hold and does `not_kept`, and for each that is
    `lost` since such files can't hold it, or nobody promised it."""

    not_kept: tuple[str, ...]
    lost: tuple[str, ...]


def compare_films(source: Clip, result: Clip, smart: bool = False) -> Kept:
    """Compare all but samples of a result with its source; `smart`: its pictures are the source's own packets.

    Not kept are: frame times, the display matrix, cropping, pixel aspect, colours and HDR metadata where a file of this
    kind and codec holds them; sound and subtitles, packet by packet with their times, where its muxer takes them.
    All else is lost. Of an image sequence nothing is compared.
    """
    if find_sequence(result.path) is not None or find_sequence(source.path) is not None:
        return Kept((), ())
    broken, lost = _times(source, result), list[str]()
    for line in not_held(result.path, source, carried=True):
        (broken if _is_due(line, source, result, smart) else lost).append(line.replace("can't hold", "does not hold"))
    tracks, missing = _tracks(source, result)
    return Kept((*broken, *tracks), (*lost, *missing))


def _is_due(line: str, source: Clip, result: Clip, smart: bool) -> bool:
    """Whether a file of the kind and codec of the result holds what a line of `not_held` says is gone."""
    is_iso = result.path.suffix.lower() in ISO_SUFFIXES
    if "display matrix" in line:
        return is_iso or is_right_angled(source.display_matrix)
    if DOLBY_VISION in line:
        return smart and result.path.suffix.lower() != ".mov"
    if "stereoscopic" in line or "spherical" in line:
        return not is_iso and result.codec in _HOLDERS
    return (smart or result.codec in _HOLDERS) and any(word in line for word in _SHOWN)


def _times(source: Clip, result: Clip) -> list[str]:
    allowed = Fraction(0) if source.time_base == result.time_base and not source.clock else result.time_base
    for number, (one, other) in enumerate(zip(source.pts, result.pts, strict=False)):
        due, found = one * source.time_base - source.clock, other * result.time_base
        if abs(due - found) > allowed:
            return [f"frame {number} is shown at {float(found):.4f} s, not at {float(due):.4f} s"]
    return []


def _tracks(source: Clip, result: Clip) -> tuple[list[str], list[str]]:
    """Lines for tracks of sound and subtitles that differ, and for those that are missing and may be."""
    with open_input(source.path) as one, open_input(result.path) as other:
        sound = [track.index for track in one.streams.audio if source.sound and is_known(track)]
        texts = [track.index for track in source.tracks if track.kind == "subtitle"]
        kept = tracks_held(source.path, result.path.suffix.lower(), texts) if texts else set()
        ours = [*sound, *(index for index in texts if index in kept)]
        theirs = [track.index for track in other.streams.audio if is_known(track)]
        theirs += [track.index for track in result.tracks if track.kind == "subtitle"]
    lost = [f"does not hold track {index} of the source" for index in texts if index not in kept]
    if len(ours) != len(theirs):
        return [f"holds {len(theirs)} tracks of sound and subtitles, the source {len(ours)} that it could hold"], lost
    broken = []
    for index, other_index in zip(ours, theirs, strict=True):
        line = _compare_track(_heard(source.path, index), _heard(result.path, other_index), source.clock)
        if line is not None:
            broken.append(f"track {index} of the source {line}")
    return broken, lost


@dataclass(frozen=True)
class _Heard:
    """A packet: its time and the length of a tick in seconds, its bytes, whether it is only there for decoders, and how
    long it is in seconds."""

    time: Fraction
    tick: Fraction
    data: bytes
    hidden: bool
    length: Fraction


def _heard(path: Path, index: int) -> Iterator[_Heard]:
    """Packets of a track: those that are heard or seen, and a run-in."""
    with open_input(path) as container:
        codec = getattr(container.streams[index], "codec_context", None)
        is_pcm = codec is not None and codec.name.startswith("pcm_")
        packets, pcm = _packets(container, index), pcm_of(container.streams[index])
        if pcm is not None:
            packets = _without_holes(packets, pcm)
        yield from _evened(packets) if is_pcm else packets


def _packets(container: InputContainer, index: int) -> Iterator[_Heard]:
    run_in: bool | None = None
    packet: Any
    for packet in container.demux(container.streams[index]):
        if not packet.size or packet.pts is None or is_cut_head(packet):
            continue
        if packet.is_discard and run_in is None:
            run_in = is_run_in(packet)
        if not packet.is_discard:
            run_in = False
        elif not run_in:
            continue
        time, length = packet.pts * packet.time_base, (packet.duration or 0) * packet.time_base
        # .mp4 says of what ends at 0 that it is not heard, other files only how much of it.
        hidden = packet.is_discard or time + length <= 0 < length
        yield _Heard(time, packet.time_base, payload(bytes(packet)), hidden, length)


def _without_holes(packets: Iterator[_Heard], pcm: Pcm) -> Iterator[_Heard]:
    """The PCM that is heard, as .mp4 and .mov hold it."""
    end: Fraction | None = None
    for packet in packets:
        if packet.hidden:
            continue
        for time, data in evened(pcm, packet.time if end is None else end, packet.time, packet.data):
            end = end_of(pcm, time, data)
            yield replace(packet, time=time, data=data, length=end - time)


def _evened(packets: Iterator[_Heard]) -> Iterator[_Heard]:
    """The PCM that is heard, in pieces of one size: how much of it a packet has, each kind of file decides anew."""
    rest = b""
    for packet in packets:
        if packet.hidden:
            continue
        second = packet.length / len(packet.data)  # of a byte
        data, time = rest + packet.data, packet.time - len(rest) * second
        whole = len(data) // _PIECE * _PIECE
        for start in range(0, whole, _PIECE):
            piece = data[start : start + _PIECE]
            yield _Heard(time + start * second, 2 * packet.tick, piece, False, _PIECE * second)
        rest, last = data[whole:], packet
    if rest:
        yield replace(last, time=last.time + last.length - len(rest) * second, data=rest)


def _compare_track(source: Iterator[_Heard], result: Iterator[_Heard], clock: Fraction) -> str | None:
    """What differs in a track; a run-in may be missing, and times that step back may be moved."""
    latest: Fraction | None = None
    found = next(result, None)
    for number, due in enumerate(source):
        if found is None:
            return f"ends after {number} packets" if not due.hidden else None
        if due.hidden and due.data != found.data:
            continue
        if due.data != found.data:
            return f"differs from packet {number} on"
        rises = latest is None or due.time > latest
        if rises and abs(due.time - clock - found.time) > max(due.tick, found.tick):
            return f"is moved: packet {number} is at {float(found.time):.4f} s, not at {float(due.time - clock):.4f} s"
        latest = due.time if latest is None else max(latest, due.time)
        found = next(result, None)
    return None if found is None or found.hidden else "has more packets than it should"
