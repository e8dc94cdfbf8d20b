"""What all frames of a clip have in common; a clip in which it changes is refused."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from vera.color.names import color_name
from vera.color.tags import SPACE_170M, SPACE_470BG, UNSPECIFIED, ColorTags, color_tags, resolve_color
from vera.color.transfer import HLG, PQ
from vera.errors import VeraError
from vera.video.decoding.decoder import frame_decoder
from vera.video.decoding.png import common_format
from vera.video.formats import plain
from vera.video.open import FootageLike, as_footage, open_video, packets
from vera.video.sequence import source_files

# Seconds between the frames that are looked at: where each frame can be decoded alone, not all of them are.
_APART = Fraction(1)


class Kind(NamedTuple):
    """Size in pixels as coded, pixel format as read, width of a pixel over its height (1 where nothing is said), and
    how its samples are shown (see `_shown`)."""

    width: int
    height: int
    pix_fmt: str
    aspect: Fraction
    color: ColorTags

    def __str__(self) -> str:
        return f"{self.width}x{self.height} {self.pix_fmt}, pixel aspect {self.aspect}"


def frame_kind(frame: av.VideoFrame, stream: VideoStream) -> Kind:
    """Return the kind of a frame, in its plain format, that just came from the decoder of `stream`."""
    return Kind(frame.width, frame.height, frame.format.name, _aspect(stream), _shown(frame))


def _shown(frame: av.VideoFrame) -> ColorTags:
    """Return what a player makes of a frame's tags: its range, its matrix, and whether it is HDR.

    What a file says only later, or in other words, is no change.
    """
    color = resolve_color(color_tags(frame), frame.height, frame.format.name)
    space = SPACE_170M if color.space == SPACE_470BG else color.space  # the same matrix
    return ColorTags(color.range, space, color.trc if color.trc in (PQ, HLG) else UNSPECIFIED)


def _aspect(stream: VideoStream) -> Fraction:
    return stream.codec_context.sample_aspect_ratio or Fraction(1)  # frames do not tell theirs


def changed(path: Path, time: float | None, first: Kind, kind: Kind) -> VeraError:
    """Return the error for a frame of `path`, at `time` in seconds, which is of another kind than the first."""
    advice = "cut the clip where it changes, or convert it to one kind"
    place = "" if time is None else f" at {time:.3f} s"
    found, before = (
        (kind, first)
        if str(kind) != str(first)
        else (f"in {color_name(one.color, one.height, one.pix_fmt)}" for one in (kind, first))
    )
    return VeraError(f"{path}: is {found}{place}, but {before} before; {advice}")


def check_kind(footage: FootageLike) -> None:
    """Raise VeraError if size, format, pixel aspect or colours change in a file, as its key frames a second apart tell.

    It takes a small part of the time that reading does: to ask before long work on a part of a clip.
    """
    footage = as_footage(footage)
    files = source_files(footage.path)
    if files[0].suffix.lower() == ".png":
        common_format(files)
        return
    container, stream = open_video(footage.path, footage.rate)
    stream.thread_type = "SLICE"  # after each packet the decoder tells the aspect of its own picture
    with container:
        decode, scaler = frame_decoder(stream, files), VideoReformatter()
        first: Kind | None = None
        aspect: Fraction | None = None
        other: tuple[float | None, Fraction] | None = None  # when the aspect is another, and which
        for packet in _apart(packets(container, stream, files)):
            frames = decode(packet) or ()
            aspect = aspect or _aspect(stream)
            for frame in frames:
                kind = frame_kind(plain(frame, scaler), stream)._replace(aspect=aspect)
                first = first or kind
                if kind != first:
                    raise changed(footage.path, frame.time, first, kind)
            if other is None and packet.size and _aspect(stream) != aspect:
                other = None if packet.pts is None else float(packet.pts * packet.time_base), _aspect(stream)
            if first is not None and other is not None:  # pictures come late where a stream reorders them
                raise changed(footage.path, other[0], first, first._replace(aspect=other[1]))


def _apart(packets: Iterable[Any]) -> Iterator[Any]:
    """Yield key frames that are `_APART` from one another, the last one, and the empty packet that ends the stream."""
    seen: Fraction | None = None
    late = None
    for packet in packets:
        time = None if packet.dts is None else packet.dts * packet.time_base
        if packet.size and packet.is_keyframe and seen is not None and time is not None and time - seen < _APART:
            late = packet
        elif packet.size and packet.is_keyframe:
            seen, late = time, None
            yield packet
        elif not packet.size:
            yield from (last for last in (late, packet) if last is not None)
