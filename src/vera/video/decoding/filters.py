"""Single frames through FFmpeg's filters, for what PyAV does not do itself."""

import threading
from fractions import Fraction
from typing import Any

import av
from av.filter import Graph
from av.sidedata.sidedata import Type

DISPLAY_MATRIX: Any = Type.DISPLAYMATRIX.value
_ICC_PROFILE: Any = Type.ICC_PROFILE.value
_KINDS = 48  # more than FFmpeg has of side data
_Kind = tuple[int, int, str]


class _Graphs(threading.local):
    """One graph a thread and filter, with the size and format that it is set up for: setting it up takes longest."""

    def __init__(self) -> None:
        self.of: dict[tuple[str, str], tuple[_Kind, Graph]] = {}


_graphs = _Graphs()


def through(frame: av.VideoFrame, name: str, options: str = "") -> av.VideoFrame | None:
    """What comes out of the filter `name` for `frame`: a frame without its time and tags, None if it is held back."""
    kind = (frame.width, frame.height, frame.format.name)
    known, graph = _graphs.of.get((name, options), (None, None))
    if graph is None or kind != known:
        graph = Graph()
        graph.threads = 1
        source = graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 1000)
        )
        graph.link_nodes(source, graph.add(name, options or None), graph.add("buffersink"))
        graph.configure()
        _graphs.of[name, options] = kind, graph
    graph.vpush(frame)
    try:
        return graph.vpull()
    except av.BlockingIOError:
        return None


def has_side_data(frame: av.VideoFrame, kind: int) -> bool:
    """Whether the frame has side data of a kind, a number of FFmpeg's enum AVFrameSideDataType."""
    return through(frame, "sidedata", f"mode=select:type={kind}") is not None


def side_data(frame: av.VideoFrame) -> list[Any]:
    """Read the frame's side data of the kinds that PyAV knows, without keeping the frame in memory.

    ICC profiles are left out: those of PNG have names, which PyAV would free twice, and crash.
    """
    bare = _without(frame, _ICC_PROFILE)
    try:
        return list(bare.side_data)  # a mapping by its stubs, in truth it iterates over its values
    except ValueError:  # it stops at a kind that it does not know, such as Exif
        known = {kind.value for kind in Type}
        for kind in sorted(set(range(_KINDS)) - known):
            bare = _without(bare, kind)
        return list(bare.side_data)


def _without(frame: av.VideoFrame, kind: int) -> av.VideoFrame:
    bare = through(frame, "sidedata", f"mode=delete:type={kind}")
    assert bare is not None
    return bare
