"""OpenTimelineIO: a timeline of plate, layer and matte, with ProRes media beside it."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

from vera.errors import printable
from vera.layers.export import prores
from vera.layers.export.plate import Plate, find_plate
from vera.layers.export.shot import LayerFrames, Shot
from vera.optional import need

STEPS = """\
DaVinci Resolve: File > Import > Timeline, choose {project}. If a clip stays offline: right-click it > Relink, and
  choose the folder of the plate. On the layer: Clip Attributes > Video: Alpha mode "Straight".
Premiere Pro (25 or later), Hiero, RV and xSTUDIO open it as well; where one does not, take the export fcpxml7.
Tracks, from below: plate, layer, matte (switched off); the plate's sound."""


def write(shot: Shot, frames: LayerFrames, folder: Path) -> dict[str, str]:
    """Write the movies and NAME.otio; returns their names. VeraError without the OpenTimelineIO library."""
    otio = need("opentimelineio", "OpenTimelineIO")
    names = prores.write(shot, frames, folder)
    names["project"] = f"{shot.name}.otio"
    timeline = _timeline(otio.schema, otio.opentime, shot, names, find_plate(shot, folder))
    text = otio.adapters.write_to_string(timeline, "otio_json")
    (folder / names["project"]).write_text(text, encoding="utf-8")
    return names


def _url(path: str) -> str:
    """A path as a URL, in which little else than a percent sign would mean something: letters and blanks stay."""
    return re.sub("[%?#\x00-\x1f\x7f\ud800-\udfff]", lambda found: quote(found[0], errors="surrogateescape"), path)


def _timeline(schema: Any, time: Any, shot: Shot, names: dict[str, str], plate: Plate) -> Any:
    rate = float(shot.rate)
    start = shot.source_start[0]

    def span(first: int, count: int) -> Any:
        return time.TimeRange(time.RationalTime(first, rate), time.RationalTime(count, rate))

    def media(path: str, first: int, count: int, metadata: dict[str, Any]) -> Any:
        reference = schema.ExternalReference(target_url=_url(path), available_range=span(first, count))
        # Programs look for a file of the clip's name.
        return schema.Clip(printable(Path(path).name), reference, span(first, count), metadata={"vera": metadata})

    def plate_clip() -> Any:
        clipped = media(plate.path, start, shot.clip.frame_count, {})
        if shot.sequence is not None and plate.pattern is not None:
            name = Path(plate.pattern).name
            number = next(found for found in re.finditer(r"%%|%0?(\d*)d", name) if found[0] != "%%")
            prefix, suffix = (part.replace("%%", "%") for part in (name[: number.start()], name[number.end() :]))
            clipped.media_reference = schema.ImageSequenceReference(
                _url(plate.path.removesuffix(Path(plate.path).name)),
                _url(prefix),
                _url(suffix),
                shot.sequence.start,
                rate=rate,
                frame_zero_padding=int(number[1] or 0),
                available_range=clipped.source_range,
            )
        return clipped

    def over(name: str, metadata: dict[str, Any]) -> Any:
        track = schema.Track(name, kind=schema.TrackKind.Video)
        if shot.first:
            track.append(schema.Gap(source_range=span(0, shot.first)))
        track.append(media(names[name], start + shot.first, shot.count, metadata))
        return track

    timeline = schema.Timeline(shot.name, global_start_time=time.RationalTime(start, rate))
    plates = [schema.Track("plate", kind=schema.TrackKind.Video)]
    sounds = [schema.Track(f"sound {n}", kind=schema.TrackKind.Audio) for n in range(1, len(shot.clip.audio) + 1)]
    for track in (*plates, *sounds):
        track.append(plate_clip())
    matte = over("matte", {"role": "matte as luma"})
    matte[-1].enabled = False
    timeline.tracks.extend([*plates, over("layer", {"alpha": "straight"}), matte, *sounds])
    return timeline
