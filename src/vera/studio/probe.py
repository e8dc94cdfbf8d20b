"""Probing a clip, in the process that draws: what the page is told of it, as plain values."""

from fractions import Fraction
from pathlib import Path
from typing import Any

from vera.errors import VeraError

LONGEST_SIDE = 16384  # pixels


def probe(path: Path, rate: Fraction | None = None) -> dict[str, Any]:
    """Open footage and say what it is: the fields of `vera.studio.schema.clips.Clip`, its state and its proxy's size.

    `rate` is of an image sequence, 24 if None.
    Raises VeraError for what is no clip, or has more pixels than a picture may: that is asked before one is decoded.
    """
    from vera.studio.footage import open_footage

    check_size(path)
    return describe(open_footage(path, rate), rate)


def check_size(path: Path) -> None:
    """VeraError if a file says that its pictures have a side of more than `LONGEST_SIDE` pixels."""
    from vera.video.open import open_video

    container, stream = open_video(path)
    with container:
        width, height = stream.width, stream.height
    if max(width, height) > LONGEST_SIDE:
        raise VeraError(f"{path.name}: is {width}x{height}; a side has at most {LONGEST_SIDE:,} pixels")


def describe(clip: Any, rate: Fraction | None) -> dict[str, Any]:
    """Say what a `vera.video.Clip` is, that was opened at a rate."""
    from vera.color.names import color_name
    from vera.video.proxy import proxy_size, thumbnail_frames

    width, height = proxy_size(clip)
    start = clip.pts[0]
    track = clip.audio[0] if clip.audio else None
    return {
        "width": clip.display_size[0],
        "height": clip.display_size[1],
        "pixel_aspect": float(clip.display_aspect),
        "frames": clip.frame_count,
        "times": [float((pts - start) * clip.time_base) for pts in clip.pts],
        "rate": float(clip.average_rate),
        "duration": float(clip.duration),
        "pix_fmt": clip.pix_fmt,
        "depth": clip.bit_depth,
        "color": color_name(clip.color, clip.height, clip.pix_fmt),
        "audio": None if track is None else f"{track.codec} {track.sample_rate} Hz {track.layout}",
        "notes": _notes(clip),
        "state": [list(state) for state in clip.state],
        "options": {
            "deinterlace": clip.deinterlace,
            "progressive": clip.progressive,
            "rate": None if rate is None else str(rate),
        },
        "proxy": {"width": width, "height": height, "thumbnails": len(thumbnail_frames(clip))},
    }


def _notes(clip: Any) -> list[str]:
    notes = []
    if clip.is_vfr:
        notes.append("its frame rate varies: frames are found by their times")
    if clip.interlaced:
        notes.append("it is interlaced on disk, and is made progressive when it is read")
    if clip.bit_depth > 8:
        notes.append(f"{clip.bit_depth} bits: the viewer shows 8, results keep all")
    if clip.display_aspect != Fraction(1):
        notes.append(f"its pixels are {float(clip.display_aspect):.4g} times as wide as high")
    return notes
