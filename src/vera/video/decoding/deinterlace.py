"""Interlaced pictures: two half pictures a frame, taken at different times, made into whole ones."""

from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import av
from av.filter import Graph

from vera.color.tags import ColorTags, apply_tags, color_tags
from vera.errors import VeraError
from vera.video.formats import is_float


def deinterlaced(frames: Iterator[av.VideoFrame], path: Path) -> Iterator[av.VideoFrame]:
    """One progressive frame for each of `frames`, at its time, by FFmpeg's bwdif; those that are progressive stay.

    VeraError that names `path` for interlaced frames in a pixel format whose samples bwdif cannot take as they are.
    """
    graph: Graph | None = None
    for frame in frames:
        if not _is_taken(frame.format.name):
            if frame.interlaced_frame:
                raise VeraError(
                    f"{path}: is interlaced {frame.format.name}, which is not deinterlaced here; do it first"
                )
            yield frame
            continue
        if graph is None:
            # RGB in the order that it came in, which its encoders want; chroma in pairs stays in planes.
            graph = _graph(frame, frame.format.name if frame.format.is_rgb else "")
        tags, time_base = color_tags(frame), frame.time_base
        graph.vpush(frame)
        yield from _pull(graph, tags, time_base)
    if graph is not None:
        graph.vpush(None)
        yield from _pull(graph, tags, time_base)


@lru_cache
def _is_taken(pix_fmt: str) -> bool:
    """Whether bwdif gets the samples of this format as they are, if in another order: FFmpeg converts for it."""
    frame = av.VideoFrame(16, 16, pix_fmt)
    frame.pts = 0
    graph = _graph(frame)
    graph.vpush(frame)
    graph.vpush(None)
    return _samples(graph.vpull().format.name) == _samples(pix_fmt)


def _samples(pix_fmt: str) -> tuple[list[tuple[int, int, int]], bool]:
    parts = av.VideoFormat(pix_fmt, 16, 16).components
    return [(part.width, part.height, part.bits) for part in parts], is_float(pix_fmt)


def _graph(frame: av.VideoFrame, out: str = "") -> Graph:
    """For frames such as this one, to the format `out`, or what bwdif makes of it."""
    graph = Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base or Fraction(1, 1000)
    )
    whole = graph.add("bwdif", "mode=send_frame:parity=auto:deint=interlaced")
    back = [graph.add("format", f"pix_fmts={out}")] if out else []
    graph.link_nodes(source, whole, *back, graph.add("buffersink"))
    graph.configure()
    return graph


def _pull(graph: Graph, tags: ColorTags, time_base: Fraction | None) -> Iterator[av.VideoFrame]:
    while True:
        try:
            frame = graph.vpull()
        except (av.BlockingIOError, av.EOFError):
            return
        if time_base is not None and frame.pts is not None and frame.time_base is not None:
            frame.pts = round(frame.pts * frame.time_base / time_base)  # the filter counts in half ticks
            frame.time_base = time_base
        apply_tags(tags, frame)
        yield frame
