"""A layer and its matte as two movies with the source's times, timecode and tags."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from vera.color.tags import FULL, LIMITED, SPACE_170M, SPACE_470BG, SPACE_709, SPACE_2020, ColorTags, resolve_color
from vera.layers.export.samples import Planes
from vera.layers.export.shot import LayerFrames, Shot
from vera.video import Clip, Codec, FrameWriter, planes
from vera.video.encoder import holds_timecode

# What ProRes and QuickTime can name; 470BG and 170M have the same matrix.
_MATRICES = {SPACE_709: SPACE_709, SPACE_2020: SPACE_2020, SPACE_170M: SPACE_170M, SPACE_470BG: SPACE_170M}
# What players take untagged footage for, by its matrix: primaries and transfer of BT.709, 601 (525 lines) or 2020.
_USUAL = {SPACE_709: (1, 1), SPACE_170M: (6, 6), SPACE_2020: (9, 14)}
_UNSPECIFIED = 2


@dataclass(frozen=True)
class Track:
    """One of the two movies: its codec, its pixel format, and what fills a frame's planes.

    `fill(planes, edit, alpha, color)` gets straight RGB, alpha and the tags of the movie.
    """

    codec: Codec
    pix_fmt: str
    fill: Callable[[Planes, NDArray[Any], NDArray[np.uint16], ColorTags], None]


def write_movies(
    shot: Shot, frames: LayerFrames, folder: Path, suffix: str, layer: Track, matte: Track
) -> dict[str, str]:
    """Write `NAME_layer_straight` and `NAME_matte`; returns their names. Raises VeraError as `FrameWriter`."""
    names = {"layer": f"{shot.name}_layer_straight{suffix}", "matte": f"{shot.name}_matte{suffix}"}
    infos = [movie_info(shot, track.pix_fmt, suffix) for track in (layer, matte)]
    with (
        FrameWriter(folder / names["layer"], infos[0], layer.codec) as layers,
        FrameWriter(folder / names["matte"], infos[1], matte.codec) as mattes,
    ):
        for pts, (edit, alpha) in zip(infos[0].pts, frames, strict=True):
            for track, clip, writer in zip((layer, matte), infos, (layers, mattes), strict=True):
                frame = av.VideoFrame(clip.width, clip.height, clip.pix_fmt)
                track.fill(planes(frame), edit, alpha, clip.color)
                frame.pts, frame.time_base = pts, clip.time_base
                writer.write(frame)
    return names


def movie_info(shot: Shot, pix_fmt: str, suffix: str) -> Clip:
    """The source's record as that of a movie of its exported frames alone: upright, silent, starting at 0."""
    source, pts = shot.clip, shot.pts
    width, height = shot.size
    durations = source.frame_durations()
    return replace(
        source,
        width=width,
        height=height,
        display_size=shot.size,
        pix_fmt=pix_fmt,
        bit_depth=max(component.bits for component in av.VideoFormat(pix_fmt, 16, 16).components),
        pts=tuple(time - pts[0] for time in pts),
        duration=sum(durations[time] for time in pts) * source.time_base,
        display_matrix=None,
        clock=Fraction(0),
        # Matroska's own field for it cannot be set; programs get it from the README.
        sample_aspect=source.sample_aspect**0 if suffix in (".mkv", ".webm") else shot.clip.display_aspect,
        color=_movie_color(source, pix_fmt),
        audio=(),
        tracks=(),
        chapters=(),
        metadata={},
        timecode=shot.timecode(shot.first) if holds_timecode(source) and not source.is_vfr else None,
    )


def _movie_color(source: Clip, pix_fmt: str) -> ColorTags:
    """Tags with which the layer looks as the plate does: its primaries and transfer, and a matrix that codecs know."""
    known = resolve_color(source.color, source.height, source.pix_fmt)
    matrix = _MATRICES.get(known.space, SPACE_709)
    primaries, trc = _USUAL[matrix]
    if primaries == 6 and source.height == 576:
        primaries = 5  # 625 lines: PAL
    named = replace(
        known,
        range=LIMITED,
        space=matrix,
        trc=trc if known.trc == _UNSPECIFIED else known.trc,
        primaries=primaries if known.primaries == _UNSPECIFIED else known.primaries,
    )
    if pix_fmt.startswith("yuv"):
        return named
    return resolve_color(replace(named, range=FULL), source.height, pix_fmt)
