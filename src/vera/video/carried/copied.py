"""Add copied tracks to a file, if its muxer takes them."""

import io
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer, OutputContainer

from vera.video.carried.packets import fit_packets
from vera.video.open import MUXERS, open_input

_TRIED = 4  # packets: some muxers look at the first before they refuse
_LATE = Fraction(1, 100)  # seconds: far more than files round times by
_READ = 2000  # packets of the file: a track that begins later is judged by its header


def add_copied(target: OutputContainer, stream: Any) -> Any:
    """Add to `target` a track for the packets of `stream`. Raises what PyAV raises if it can't be one.

    PyAV asks a list that Matroska's muxer is wider than: it also holds what Windows' own files may. Then the track is
    begun as one of PCM, and takes the description of `stream`.
    """
    try:
        return target.add_stream_from_template(stream)
    except ValueError:
        if stream.type != "audio":
            raise
    with av.open(_silence()) as silence:
        track: Any = target.add_stream_from_template(silence.streams.audio[0])
    av.BitStreamFilterContext("null", in_stream=stream, out_stream=track)
    track.codec_context.codec_tag = "\0\0\0\0"  # the new file has codes of its own
    track.time_base = stream.time_base
    return track


def tracks_held(source: Path, suffix: str, tracks: list[int]) -> set[int]:
    """Which of the `tracks` of a file, by index, files of the kind `suffix` hold.

    The first packets of each are copied into one in memory, from time 0 on, which is read again: some muxers leave out
    what decoders need, or the times.
    """
    held = set(tracks)
    with open_input(source) as container:
        trials: dict[int, tuple[OutputContainer, Any]] = {}
        files = {index: io.BytesIO() for index in tracks}
        copied: dict[int, list[Fraction]] = {index: [] for index in tracks}
        for index in tracks:
            target = av.open(files[index], "w", format=MUXERS[suffix])
            try:
                trials[index] = target, add_copied(target, container.streams[index])
                target.start_encoding()
            except (av.FFmpegError, ValueError, TypeError, AttributeError):
                held.discard(index)
        counts = dict.fromkeys(held, 0)
        starts: dict[int, Fraction] = {}
        packets = container.demux([container.streams[index] for index in held]) if held else ()
        for number, packet in enumerate(packets):
            if number == _READ or all(count >= _TRIED for count in counts.values()):
                break
            index = packet.stream_index
            if packet.size and index in held and counts[index] < _TRIED:
                counts[index] += 1
                target, track = trials[index]
                try:
                    for fit in fit_packets([packet], {index: track}, target, starts.setdefault(index, _time(packet))):
                        copied[index].append(_time(fit))
                        target.mux(fit)
                except (av.FFmpegError, ValueError):
                    held.discard(index)
                    counts.pop(index)
        for index, (target, _) in trials.items():
            try:
                target.close()
            except av.FFmpegError:  # some find out when they end
                held.discard(index)
        sounds = {index for index in held if container.streams[index].type == "audio"}
    return held - {index for index in sounds if not _is_heard(files[index], copied[index], source, index)}


def _is_heard(file: io.BytesIO, times: list[Fraction], source: Path, index: int) -> bool:
    """Whether sound of packets at `times` comes back from `file` as long as it was, and is decoded if the source's is.

    How many packets it is in then, each kind of file decides anew.
    """
    if not times:
        return True
    file.seek(0)
    with av.open(file, "r") as written:
        begin, end, decoded = _read(written, written.streams.audio[0], _READ)
    if end - begin < max(times) - min(times) - _LATE:
        return False
    if decoded:
        return True
    with open_input(source) as container:
        return not _read(container, container.streams[index], _TRIED)[-1]


def _read(container: InputContainer, stream: Any, most: int) -> tuple[Fraction, Fraction, bool]:
    """When the first packets of a track begin and end, and whether all of them can be decoded."""
    begin, end, decodes = Fraction(0), Fraction(0), True
    for number, packet in enumerate(packet for packet in container.demux(stream) if packet.size):
        if number == most:
            break
        begin = _time(packet) if number == 0 else begin
        end = _time(packet) + (packet.duration or 0) * packet.time_base
        try:
            packet.decode()
        except av.FFmpegError:
            decodes = False
    return begin, end, decodes


def _time(packet: Any) -> Fraction:
    return Fraction((packet.pts or 0) * packet.time_base)


def _silence() -> io.BytesIO:
    """A file of PCM without samples, which every muxer takes."""
    file = io.BytesIO()
    with av.open(file, "w", format="wav") as container:
        container.add_stream("pcm_s16le", rate=48000, layout="mono")
        container.start_encoding()
    file.seek(0)
    return file
