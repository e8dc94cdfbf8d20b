"""Metadata that the muxer dropped, found by reading the finished file again."""

from dataclasses import fields, replace
from pathlib import Path

import av

from vera.color.tags import ColorTags, color_tags, resolve_color
from vera.video.carried.hdr import hdr_metadata, same_hdr
from vera.video.carried.records import track_records
from vera.video.carried.tracks import chapters, file_metadata
from vera.video.clip import Clip, timecode
from vera.video.orientation import display_matrix, same_matrix
from vera.video.reader import FrameReader

_NAMES = {
    "range": "colour range",
    "space": "colour matrix",
    "trc": "transfer function",
    "primaries": "colour primaries",
}


def not_held(path: Path, clip: Clip, carried: bool) -> list[str]:
    """A line for each thing that `info` says and the file `path` doesn't; `carried`: tracks and words were to be, too.

    Pictures, their times and sound are not looked at: the writer refuses what can't hold these.
    """
    with FrameReader(path) as reader:
        container, stream = reader.container, reader.stream
        first = next(iter(reader), None)
        if first is None:
            return []
        tags = color_tags(first)
        # What goes without saying, as the range of Y'CbCr and the matrix of RGB, is kept.
        understood = resolve_color(tags, first.height, first.format.name)
        tags = replace(tags, range=understood.range, space=understood.space if first.format.is_rgb else tags.space)
        lost = [_NAMES[name] for name in _changed_tags(clip.color, tags)]
        if clip.hdr is not None and not same_hdr(clip.hdr, hdr_metadata(first)):
            lost.append("HDR metadata")
        if not same_matrix(clip.display_matrix, display_matrix(first)):
            lost.append("display matrix")
        if clip.sample_aspect != (stream.sample_aspect_ratio or 1):
            lost.append(f"pixel aspect {clip.sample_aspect}")
        if clip.timecode not in (None, timecode(container, stream)):
            lost.append(f"timecode {clip.timecode}")
        records = track_records(stream)
        lost += [name for name, value in clip.records.items() if records.get(name) != value]
        if carried:
            lost += _lost_words(clip, container)
    return [f"can't hold the {what} of the source, so it is left out" for what in lost]


def _changed_tags(wanted: ColorTags, found: ColorTags) -> list[str]:
    unsaid = ColorTags()
    names = [field.name for field in fields(ColorTags)]
    return [name for name in names if getattr(wanted, name) not in (getattr(unsaid, name), getattr(found, name))]


def _lost_words(clip: Clip, container: av.container.InputContainer) -> list[str]:
    kept = file_metadata(container.metadata)
    lost = [f"word {name!r}" for name, value in clip.metadata.items() if kept.get(name) != value]
    if clip.chapters and len(clip.chapters) != len(chapters(container)):
        lost.append("chapters")
    for track, sound in zip(clip.audio, container.streams.audio, strict=False):
        if track.language not in (None, sound.language):
            lost.append(f"language {track.language} of sound track {track.index}")
    return lost
