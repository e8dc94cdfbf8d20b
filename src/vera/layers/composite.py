"""The compositing rule `A*E + (1-A)*S` in the source's own planes and bit depth, written only where alpha is not 0."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from vera.layers.belongs import check_source, frame_map
from vera.layers.layered_edit import LayeredEdit
from vera.layers.planes import INTERLEAVED, ComponentLayer, Float, components, convert_layer
from vera.video import FrameReader, FrameWriter, MediaInfo, apply_tags, color_tags, planes, probe

Progress = Callable[[str, int, int], None]

STRIP = 64  # rows blended at a time: three strips of a 4K float plane stay in a core's cache


def composite_frame(frame: av.VideoFrame, edit: NDArray[Any], alpha: NDArray[np.uint16]) -> av.VideoFrame:
    """Lay an edit over `frame` and return the result as a new frame of the same format.

    `edit` is straight RGB `[H,W,3]` uint8 or uint16 and `alpha` `[H,W]` uint16 (65535 is 1), both of the coded size.
    Samples with zero coverage are the source's own. Raises VeraError for a pixel format that cannot be composited.
    """
    return blend(frame, convert_layer(edit, alpha, frame))


def blend(frame: av.VideoFrame, layers: Sequence[ComponentLayer]) -> av.VideoFrame:
    """`frame` with component layers laid over it, as a new frame."""
    result = copy_frame(frame)
    shift = INTERLEAVED.get(frame.format.name, 0)
    waiting = []
    for plane, layer in zip(components(result), layers, strict=False):
        if layer.soft is None:
            strips = (slice(top, top + STRIP) for top in range(0, len(layer.alpha), STRIP))
            waiting += [_pool().submit(_blend_strip, plane, layer, strip, shift) for strip in strips]
        else:
            _blend_sparse(plane, layer, layer.soft, shift)
    for strip in waiting:
        strip.result()
    return result


def copy_frame(frame: av.VideoFrame) -> av.VideoFrame:
    """A frame of its own memory: a decoder may still predict from the one that it gave."""
    copy = av.VideoFrame(frame.width, frame.height, frame.format.name)
    for target, source in zip(planes(copy), planes(frame), strict=True):
        np.copyto(target, source)
    copy.pts = frame.pts
    if frame.time_base is not None:  # a frame made by hand has none
        copy.time_base = frame.time_base
    apply_tags(color_tags(frame), copy)
    return copy


def composite_clip(
    source: str | Path,
    edit: LayeredEdit,
    out: str | Path,
    codec: str | None = None,
    progress: Progress | None = None,
    force: bool = False,
) -> MediaInfo:
    """Lay `edit` over the clip `source` and write `out` with the source's times, tags and sound; returns its probe.

    Streams: memory does not grow with the clip. Frames that the edit does not name pass through as they are.
    Raises VeraError as the reader and the writer do, and if the edit belongs to another clip and not `force`.
    """
    info = probe(source)
    index_of = check_belongs(edit, info, force)
    with FrameReader(source) as reader, FrameWriter(out, info, codec, audio_from=source) as writer:
        for count, frame in enumerate(reader):
            index = None if frame.pts is None else index_of.get(frame.pts)
            if index is not None:
                picture, alpha = edit.coded_frame(index, info)
                frame = composite_frame(frame, picture, alpha)
            writer.write(frame)
            if progress is not None:
                progress("composite", count + 1, info.frame_count)
    return probe(out)


def check_belongs(edit: LayeredEdit, info: MediaInfo, force: bool = False) -> dict[int, int]:
    """Which layer frame belongs to which of the clip's: pts -> index. VeraError if the layers are another clip's.

    `force` skips the comparison with the recorded source, and takes the nearest frames where times differ.
    """
    if not force:
        check_source(edit, info)
    return frame_map(edit, info, force)


def _blend_sparse(plane: NDArray[Any], layer: ComponentLayer, soft: NDArray[np.intp], shift: int) -> None:
    """Most mattes are 0 or 1 nearly everywhere: there samples are left or copied, and only the soft ones computed."""
    target = plane[layer.box]
    if target.strides[-1] == target.itemsize:
        cv2.copyTo(layer.samples, layer.solid.view(np.uint8), target)  # many times numpy's speed
    else:
        np.copyto(target, layer.samples, where=layer.solid)
    if soft.size:  # through one index: two, for rows and columns, take five times as long
        flat = np.lib.stride_tricks.as_strided(plane, (int(soft[-1]) + 1,), (plane.itemsize,))
        flat[soft] = _mix(flat[soft], layer.keep, layer.add, shift)


def _blend_strip(plane: NDArray[Any], layer: ComponentLayer, strip: slice, shift: int) -> None:
    target = plane[layer.box][strip]
    target[...] = _mix(target, layer.keep[strip], layer.add[strip], shift)


def _mix(old: NDArray[Any], keep: Float, add: Float, shift: int) -> NDArray[Any]:
    mixed = np.multiply(old >> shift if shift else old, keep, dtype=np.float32)
    mixed += add
    codes: NDArray[Any] = mixed.astype(old.dtype)
    return np.left_shift(codes, shift, out=codes) if shift else codes


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(cv2.getNumberOfCPUs())
