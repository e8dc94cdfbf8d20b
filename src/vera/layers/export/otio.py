"""OpenTimelineIO: a timeline of plate, layer and matte, with ProRes media beside it."""

import re
from pathlib import Path
from typing import Any

from vera.layers.export import prores
from vera.layers.export.plate import Plate, find_plate
from vera.layers.export.shot import Frames, Shot
from vera.video.optional import need

STEPS = """\
DaVinci Resolve: File > Import > Timeline, choose {project}. If a clip stays offline: right-click it > Relink, and
  choose the folder of the plate. On the layer: Clip Attributes > Video: Alpha mode "Straight".
Premiere Pro (25 or later), Hiero, RV and xSTUDIO open it as well; where one does not, take the export fcpxml7.
Tracks, from below: plate, layer, matte (switched off); the plate's sound."""


def write(shot: Shot, frames: Frames, folder: Path) -> dict[str, str]:
    """Write the movies and NAME.otio; returns their names. VeraError without the OpenTimelineIO library."""
    otio = need("opentimelineio", "OpenTimelineIO")
    names = prores.write(shot, frames, folder)
    names["project"] = f"{shot.name}.otio"
    timeline = _timeline(otio.schema, otio.opentime, shot, names, find_plate(shot, folder))
    otio.adapters.write_to_file(timeline, str(folder / names["project"]))
    return names


def _timeline(schema: Any, time: Any, shot: Shot, names: dict[str, str], plate: Plate) -> Any:
    rate = float(shot.rate)
    start = shot.source_start[0]

    def span(first: int, count: int) -> Any:
        return time.TimeRange(time.RationalTime(first, rate), time.RationalTime(count, rate))

    def clip(path: str, first: int, count: int, metadata: dict[str, Any]) -> Any:
        reference = schema.ExternalReference(target_url=path, available_range=span(first, count))
        # Programs look for a file of the clip's name.
        return schema.Clip(Path(path).name, reference, span(first, count), metadata={"vera": metadata})

    def plate_clip() -> Any:
        clipped = clip(plate.path, start, shot.info.frame_count, {})
        if shot.sequence is not None and plate.pattern is not None:
            prefix, digits, suffix = re.split(r"%0?(\d*)d", Path(plate.pattern).name)
            clipped.media_reference = schema.ImageSequenceReference(
                plate.path.removesuffix(Path(plate.path).name),
                prefix,
                suffix,
                shot.sequence.start,
                rate=rate,
                frame_zero_padding=int(digits or 0),
                available_range=clipped.source_range,
            )
        return clipped

    def over(name: str, metadata: dict[str, Any]) -> Any:
        track = schema.Track(name, kind=schema.TrackKind.Video)
        if shot.first:
            track.append(schema.Gap(source_range=span(0, shot.first)))
        track.append(clip(names[name], start + shot.first, shot.count, metadata))
        return track

    timeline = schema.Timeline(shot.name, global_start_time=time.RationalTime(start, rate))
    plates = [schema.Track("plate", kind=schema.TrackKind.Video)]
    sounds = [schema.Track(f"sound {n}", kind=schema.TrackKind.Audio) for n in range(1, len(shot.info.audio) + 1)]
    for track in (*plates, *sounds):
        track.append(plate_clip())
    matte = over("matte", {"role": "matte as luma"})
    matte[-1].enabled = False
    timeline.tracks.extend([*plates, over("layer", {"alpha": "straight"}), matte, *sounds])
    return timeline
