"""Interlaced pictures: two half pictures a frame, taken at different times, made into whole ones."""

from collections.abc import Iterator
from fractions import Fraction

import av
from av.filter import Graph

from vera.video.colour import ColorTags, apply_tags, color_tags


def deinterlaced(frames: Iterator[av.VideoFrame]) -> Iterator[av.VideoFrame]:
    """One progressive frame for each of `frames`, at its time, by FFmpeg's bwdif; those that are progressive stay."""
    graph: Graph | None = None
    for frame in frames:
        if graph is None:
            graph = _graph(frame)
        tags, time_base = color_tags(frame), frame.time_base
        graph.vpush(frame)
        yield from _pull(graph, tags, time_base)
    if graph is not None:
        graph.vpush(None)
        yield from _pull(graph, tags, time_base)


def _graph(frame: av.VideoFrame) -> Graph:
    graph = Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base or Fraction(1, 1000)
    )
    whole = graph.add("bwdif", "mode=send_frame:parity=auto:deint=interlaced")
    graph.link_nodes(source, whole, graph.add("buffersink"))
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
