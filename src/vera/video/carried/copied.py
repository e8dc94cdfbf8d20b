"""Add copied tracks to a file, if its muxer takes them."""

import io
from pathlib import Path
from typing import Any

import av
from av.container import OutputContainer

from vera.video.carried.packets import fit_packets
from vera.video.open import MUXERS, open_input

_TRIED = 4  # packets: some muxers look at the first before they refuse
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
    """Which of the `tracks` of a file, by index, files of the kind `suffix` hold: each is copied into one in memory."""
    held = set(tracks)
    with open_input(source) as container:
        trials: dict[int, tuple[OutputContainer, Any]] = {}
        for index in tracks:
            target = av.open(io.BytesIO(), "w", format=MUXERS[suffix])
            try:
                trials[index] = target, add_copied(target, container.streams[index])
                target.start_encoding()
            except (av.FFmpegError, ValueError, TypeError, AttributeError):
                held.discard(index)
        counts = dict.fromkeys(held, 0)
        packets = container.demux([container.streams[index] for index in held]) if held else ()
        for number, packet in enumerate(packets):
            if number == _READ or all(count >= _TRIED for count in counts.values()):
                break
            index = packet.stream_index
            if packet.size and index in held and counts[index] < _TRIED:
                counts[index] += 1
                target, track = trials[index]
                try:
                    for fit in fit_packets([packet], {index: track}, target):
                        target.mux(fit)
                except (av.FFmpegError, ValueError):
                    held.discard(index)
                    counts.pop(index)
        for index, (target, _) in trials.items():
            try:
                target.close()
            except av.FFmpegError:  # some find out when they end
                held.discard(index)
    return held


def _silence() -> io.BytesIO:
    """A file of PCM without samples, which every muxer takes."""
    file = io.BytesIO()
    with av.open(file, "w", format="wav") as container:
        container.add_stream("pcm_s16le", rate=48000, layout="mono")
        container.start_encoding()
    file.seek(0)
    return file
