"""What a source holds besides its pictures, on its way into the result: sound, subtitles, covers, chapters, words."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer, OutputContainer

from vera.errors import VeraError
from vera.video.extras import TrackInfo, file_metadata, other_tracks
from vera.video.opening import open_input

_MIME = {"mjpeg": ("cover.jpg", "image/jpeg"), "png": ("cover.png", "image/png"), "bmp": ("cover.bmp", "image/bmp")}
# What a track says that its new file says anew.
_OF_THE_TRACK = {"encoder", "duration", "vendor_id", "timecode"}


def carry(
    source: InputContainer, target: OutputContainer, path: Path, pictures: int, notices: list[str]
) -> Iterator["av.Packet[Any]"]:
    """Give `target`, to be the file `path`, what `source` holds besides its video stream of index `pictures`.

    Adds the tracks, chapters and words at once, and returns the tracks' packets in file order, byte for byte the
    source's. What such a file can't hold becomes a line in `notices`. VeraError for sound that it can't hold.
    """
    known = target.supported_codecs
    subtitles = known if path.suffix.lower() != ".nut" else set()  # it says that it holds what it then refuses
    tracks: dict[int, Any] = {}
    for sound in source.streams.audio:
        context = getattr(sound, "codec_context", None)
        if context is None:
            notices.append(f"sound track {sound.index} of the source is of an unknown kind and is left out")
        elif context.name not in known:
            raise VeraError(f"{path}: such a file can't hold the source's {context.name} sound; write .mkv instead")
        else:
            tracks[sound.index] = target.add_stream_from_template(sound)
    covers = []
    for other in other_tracks(source, pictures):
        stream = source.streams[other.index]
        if other.kind == "subtitle" and other.codec in subtitles:
            tracks[other.index] = target.add_stream_from_template(stream)
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
        target.set_chapters(marks)
    return _packets(source, tracks)


def _packets(source: InputContainer, tracks: dict[int, Any]) -> Iterator["av.Packet[Any]"]:
    if tracks:
        for packet in source.demux([source.streams[index] for index in tracks]):
            if packet.size:
                packet.stream = tracks[packet.stream_index]
                yield packet


def _words(stream: Any) -> dict[str, str]:
    words = {name.lower() if name.isupper() else name: value for name, value in stream.metadata.items()}
    return {name: value for name, value in words.items() if name not in _OF_THE_TRACK and "statistics" not in name}


def _holds_attachments(target: OutputContainer) -> bool:
    return target.format.name == "matroska"


def _cover(source: InputContainer, index: int) -> bytes:
    """The picture of a cover's only packet; read from a second opening, since this one's packets are still wanted."""
    with open_input(source.name.removeprefix("file:")) as again:
        return bytes(next(iter(again.demux(again.streams[index]))))


def _describe(track: TrackInfo) -> str:
    what = {"picture": "the cover picture", "video": "a further video track", "subtitle": "the subtitle track"}
    said = ", ".join(filter(None, (f"track {track.index}", track.codec, track.language)))
    return f"{what.get(track.kind, f'the {track.kind} track')} ({said})"
