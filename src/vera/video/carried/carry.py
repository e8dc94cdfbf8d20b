"""Copy a source's sound, subtitles, covers, chapters and metadata into the result."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer, OutputContainer

from vera.video.carried.copied import add_copied, tracks_held
from vera.video.carried.packets import fit_packets
from vera.video.carried.tracks import TrackInfo, file_metadata, other_tracks
from vera.video.clip import Clip, is_known
from vera.video.open import open_input

_MIME = {"mjpeg": ("cover.jpg", "image/jpeg"), "png": ("cover.png", "image/png"), "bmp": ("cover.bmp", "image/bmp")}
# What a track says that its new file says anew.
_OF_THE_TRACK = {"encoder", "duration", "vendor_id", "timecode"}


def carry(
    source: InputContainer, target: OutputContainer, path: Path, pictures: int, clip: Clip, notices: list[str]
) -> Iterator["av.Packet[Any]"]:
    """Give `target`, to be the file `path`, what `source` holds besides its video stream of index `pictures`.

    Adds the tracks, chapters and words at once, and returns the tracks' packets in file order, byte for byte the
    source's (see `fit_packets`), to be iterated when the header is written. What such a file can't hold becomes a line
    in `notices`; for sound, `sound_lost` is to be asked before.
    """
    others = other_tracks(source, pictures)
    subtitles = [other.index for other in others if other.kind == "subtitle"]
    held = tracks_held(clip.path, path.suffix.lower(), subtitles) if subtitles else set()
    tracks: dict[int, Any] = {}
    for sound in source.streams.audio if clip.sound else ():
        if is_known(sound):
            tracks[sound.index] = add_copied(target, sound)
        else:
            notices.append(f"sound track {sound.index} of the source is of an unknown kind and is left out")
    covers = []
    for other in others:
        stream = source.streams[other.index]
        if other.index in held:
            tracks[other.index] = add_copied(target, stream)
        elif other.kind == "attachment" and _holds_attachments(target):
            target.add_stream_from_template(stream)
        elif other.kind == "picture" and _holds_attachments(target) and other.codec in _MIME:
            name, mime = _MIME[other.codec]
            target.add_attachment(stream.metadata.get("filename", name), mime, _cover(source, other.index))
        elif other.kind == "picture" and path.suffix.lower() in (".mp4", ".m4v") and other.codec in _MIME:
            covers.append(other.index)
        else:
            notices.append(f"can't hold {_describe(other)} of the source, so it is left out")
    # Covers come last, as a player takes the first video track for the clip.
    for index in covers:
        tracks[index] = target.add_stream_from_template(source.streams[index], opaque=True)
    for index, track in tracks.items():
        track.disposition = source.streams[index].disposition
        track.metadata.update(_words(source.streams[index]))
    target.streams[0].metadata.update(_words(source.streams[pictures]))
    target.metadata.update(file_metadata(source.metadata))
    if marks := source.chapters():
        for mark in marks:
            ticks = round(clip.clock / (mark["time_base"] or Fraction(1)))
            mark["start"], mark["end"] = mark["start"] - ticks, mark["end"] - ticks
        target.set_chapters(marks)
    packets = source.demux([source.streams[index] for index in tracks]) if tracks else ()
    return fit_packets(packets, tracks, target, clip.clock, notices)


def sound_lost(source: Path, suffix: str) -> list[str]:
    """Names of the codecs of sound tracks of `source` that files of the kind `suffix` can't hold."""
    with open_input(source) as container:
        known = {sound.index: sound.codec_context.name for sound in container.streams.audio if is_known(sound)}
    held = tracks_held(source, suffix, list(known))
    return sorted({name for index, name in known.items() if index not in held})


def _words(stream: Any) -> dict[str, str]:
    words = {name.lower() if name.isupper() else name: value for name, value in stream.metadata.items()}
    return {name: value for name, value in words.items() if name not in _OF_THE_TRACK and "statistics" not in name}


def _holds_attachments(target: OutputContainer) -> bool:
    return target.format.name == "matroska"


def _cover(source: InputContainer, index: int) -> bytes:
    """The picture of a cover's only packet; read from a second opening, since this one's packets are still wanted."""
    with open_input(source.name.partition("file:")[2]) as again:
        return bytes(next(iter(again.demux(again.streams[index]))))


def _describe(track: TrackInfo) -> str:
    what = {"picture": "the cover picture", "video": "a further video track", "subtitle": "the subtitle track"}
    said = ", ".join(filter(None, (f"track {track.index}", track.codec, track.language)))
    return f"{what.get(track.kind, f'the {track.kind} track')} ({said})"
