"""The compositing rule `A*E + (1-A)*S` in the source's own planes and bit depth: no sample changes where alpha is 0."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from vera.files import check_outputs
from vera.layers.blend_modes import blend_colors
from vera.layers.layer_frame import LayerFrame, to_float
from vera.layers.layered_edit import LayeredEdit
from vera.layers.planes import ComponentLayer, to_planes
from vera.layers.source_match import check_source, frame_map
from vera.layers.stack import Stack
from vera.layers.threads import on_all_cores
from vera.progress import Progress
from vera.video import Clip, ClipLike, FrameWriter, LosslessClip, as_clip, copy_frame, open_clip
from vera.video.components import INTERLEAVED, components, rgb_rows
from vera.video.open import check_unchanged
from vera.video.sequence import source_files, written_path

# Pixels laid at a time: few enough for a core's cache, many beside what a call costs. `python benchmarks/composite.py`
# prints the rate.
STRIP = 2**18
DEPTHS = {np.dtype(np.uint8): cv2.CV_8U, np.dtype(np.uint16): cv2.CV_16U}


def composite_frame(
    frame: av.VideoFrame,
    layer: LayerFrame,
    strict_chroma: bool = False,
    blend_mode: str = "normal",
) -> av.VideoFrame:
    """Lay a layer of the coded size over `frame` and return the result as a new frame of the same format.

    Samples with zero coverage are the source's own; `strict_chroma` as `strict` in `to_planes`. `blend_mode`, one
    of `BLEND_MODES`, takes the edit for the colours that it makes of the frame's. Raises VeraError for a pixel format
    that cannot be composited.
    """
    result = copy_frame(frame)
    targets = components(result)
    shift = INTERLEAVED.get(frame.format.name, 0)
    drawn = layer.edit
    if blend_mode != "normal":
        layer = LayerFrame(np.empty(layer.edit.shape, np.float32), layer.alpha)

    height = max(4, STRIP // frame.width // 4 * 4)

    def lay(top: int) -> None:
        rows = slice(top, top + height)
        if blend_mode != "normal":
            layer.edit[rows] = blend_colors(blend_mode, rgb_rows(frame, rows), to_float(drawn[rows]))
        for target, part in zip(targets, to_planes(layer, frame, rows, strict_chroma), strict=False):
            blend(target, part, shift)

    on_all_cores(lay, range(0, frame.height, height))
    return result


@dataclass(frozen=True)
class Placed:
    """Layered edits resolved on one clip, bottom first: of each edit, source pts -> layer frame index."""

    clip: Clip
    edits: tuple[tuple[LayeredEdit, Mapping[int, int]], ...]
    strict_chroma: bool

    def lay(self, frame: av.VideoFrame) -> av.VideoFrame:
        """All edits over a frame of the clip; the frame itself if none of them names it."""
        result = frame
        for edit, index in self.on(frame):
            layer = edit.coded_frame(index, self.clip, frame)
            result = composite_frame(result, layer, self.strict_chroma, edit.adjustment.blend)
        return result

    def layers(self, frame: av.VideoFrame) -> list[list[ComponentLayer]]:
        """What `lay` lays over a frame, but for blend modes: for each edit that covers some of it, its components."""
        frames = (edit.coded_frame(index, self.clip, frame) for edit, index in self.on(frame))
        converted = (to_planes(layer, frame, strict=self.strict_chroma) for layer in frames)
        return [layers for layers in converted if layers]

    def times(self) -> set[int]:
        """Times of the frames that may change: all others have no layer, or one without any alpha."""
        return {
            pts
            for edit, index_of in self.edits
            for pts, index in index_of.items()
            if edit.adjustment.opacity and (edit.adjustment.adds_at(self.clip.position(pts)) or edit.alpha[index].any())
        }

    def on(self, frame: av.VideoFrame) -> list[tuple[LayeredEdit, int]]:
        """Edits that lie over a frame of the clip, the lowest first, each with the index of its layer frame."""
        pts = frame.pts
        return [(edit, index_of[pts]) for edit, index_of in self.edits if pts is not None and pts in index_of]


def place(edit: LayeredEdit | Stack, clip: Clip, force: bool = False) -> Placed:
    """An edit, or a stack of them, on the frames of a clip. VeraError as `check_belongs` for each."""
    stack = edit if isinstance(edit, Stack) else Stack((edit,))
    placed = tuple((layer, active_frames(layer, clip, force)) for layer in stack.edits)
    return Placed(clip, placed, stack.strict_chroma)


def active_frames(edit: LayeredEdit, clip: Clip, force: bool = False) -> dict[int, int]:
    """Map pts of `clip` to layer frames as `check_belongs`, only within the range that `edit` is adjusted to."""
    first, last = edit.adjustment.range
    active = set(clip.pts[first or 0 : None if last is None else last + 1])
    return {pts: index for pts, index in check_belongs(edit, clip, force).items() if pts in active}


def composite_clip(
    source: ClipLike,
    edit: LayeredEdit | Stack,
    out: str | Path,
    codec: str | None = None,
    progress: Progress | None = None,
    force: bool = False,
) -> Clip:
    """Lay `edit` over the clip `source` and write `out` with the source's times, tags and sound; returns its probe.

    Streams: memory does not grow with the clip. Frames that the edit does not name pass through as they are.
    Raises VeraError as the reader and the writer do, and if the edit belongs to another clip and not `force`.
    """
    clip = as_clip(source)
    check_spared(clip, edit, out)
    write_composite(clip, place(edit, clip, force), out, codec, progress)
    return open_clip(Path(out), rate=clip.average_rate)


def check_spared(clip: Clip, edit: LayeredEdit | Stack, out: str | Path) -> None:
    """Raise VeraError if writing `out` would touch the source or the layers that are laid over it."""
    edits = edit.edits if isinstance(edit, Stack) else (edit,)
    files = [part.path for layer in edits for part in (layer.edit, layer.alpha) if isinstance(part, LosslessClip)]
    check_outputs([*source_files(clip.path), *files], [written_path(out)])


def write_composite(
    clip: Clip, placed: Placed, out: str | Path, codec: str | None = None, progress: Progress | None = None
) -> None:
    """`composite_clip` of a clip that was probed and edits that were placed on it."""
    with clip.frames() as reader, FrameWriter(out, clip, codec, audio_from=clip.path) as writer:
        for count, frame in enumerate(reader):
            writer.write(placed.lay(frame))
            if progress is not None:
                progress("composite", count + 1, clip.frame_count)
        check_unchanged(clip.path, clip.state)


def check_belongs(edit: LayeredEdit, clip: Clip, force: bool = False) -> dict[int, int]:
    """Which layer frame belongs to which of the clip's: pts -> index. VeraError if the layers are another clip's.

    `force` skips the comparison with the recorded source, and takes the nearest frames where times differ.
    """
    if not force:
        check_source(edit, clip)
    return frame_map(edit, clip, force)


def blend(plane: NDArray[Any], layer: ComponentLayer, shift: int = 0) -> None:
    """Lay `layer` over its component `plane` in place; code values stand `shift` bits up in the words.

    OpenCV rounds to the nearest code, from the middle to the even one.
    """
    target = plane[layer.box]
    if target.dtype.kind == "f":
        _blend_light(target, layer)
        return
    mixed = cv2.multiply(target >> shift if shift else target, 1 - layer.alpha, dtype=cv2.CV_32F)
    depth = DEPTHS[target.dtype]
    if shift or target.strides[1] != target.itemsize:  # which OpenCV cannot write
        target[...] = cv2.add(mixed, layer.premultiplied, dtype=depth) << shift
    else:
        cv2.add(mixed, layer.premultiplied, dst=target, dtype=depth)


def _blend_light(target: NDArray[Any], layer: ComponentLayer) -> None:
    """`blend` for floats: what is not covered keeps its very bits, and what is covered whole leaves no trace.

    Adding 0 would lose the sign of -0, and 0 times infinity is no number.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        mixed = np.where(layer.alpha < 1, target * (1 - layer.alpha), 0) + layer.premultiplied
        np.copyto(target, mixed, where=layer.alpha > 0, casting="same_kind")
