"""Tracks besides pictures and sound: subtitles, attachments, covers; chapters and the file's own metadata."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from av.container import InputContainer
from av.stream import Disposition

# What a muxer writes on its own account; and the timecode has a place of its own.
_OF_THE_FILE = {"major_brand", "minor_version", "compatible_brands", "encoder", "duration", "timecode"}


@dataclass(frozen=True)
class TrackInfo:
    """A track that is neither the clip's pictures nor sound.

    `index` in the file; `kind`: subtitle, data, attachment, picture (a cover), video (a further one); `codec` and
    `language` as the file says, or None.
    """

    index: int
    kind: str
    codec: str | None
    language: str | None


@dataclass(frozen=True)
class Chapter:
    """From `start` to `end`, in seconds."""

    start: Fraction
    end: Fraction
    title: str | None


def other_tracks(container: InputContainer, pictures: int) -> tuple[TrackInfo, ...]:
    """All tracks but sound, that of index `pictures`, and those that are remade with the timecode and chapters."""
    found = []
    for stream in container.streams:
        kind = stream.type
        if kind == "audio" or stream.index == pictures or is_remade(stream):
            continue
        if kind == "video" and stream.disposition & (Disposition.attached_pic | Disposition.still_image):
            kind = "picture"  # type: ignore[assignment]
        language = stream.metadata.get("language")
        context = getattr(stream, "codec_context", None)
        name = getattr(stream, "name", None) if context is None else context.codec.canonical_name
        found.append(TrackInfo(stream.index, kind, name, None if language == "und" else language))
    return tuple(found)


def is_remade(stream: Any) -> bool:
    """Whether a data track of .mov or .mp4 holds the timecode or the chapters' titles, which have ways of their own."""
    if stream.type != "data":
        return False
    marks = stream.container.chapters()
    return "timecode" in stream.metadata or (stream.name == "bin_data" and 0 < stream.frames == len(marks))


def chapters(container: InputContainer) -> tuple[Chapter, ...]:
    """Chapters of a file."""
    return tuple(
        Chapter(
            mark["start"] * (mark["time_base"] or Fraction(1)),
            mark["end"] * (mark["time_base"] or Fraction(1)),
            mark["metadata"].get("title"),
        )
        for mark in container.chapters()
    )


def file_metadata(metadata: Mapping[str, str]) -> dict[str, str]:
    """What a file says of its content, without what its muxer says of the file.

    Matroska's names of common tags are in capitals; they are lowered, as those of other files are.
    """
    words = {name.lower() if name.partition("-")[0].isupper() else name: value for name, value in metadata.items()}
    # .mov gives a word in a language once more without it.
    twice = {name for name, value in words.items() if name[-4:-3] == "-" and words.get(name[:-4]) == value}
    return {name: value for name, value in words.items() if name.lower() not in _OF_THE_FILE and name not in twice}
